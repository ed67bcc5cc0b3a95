"""What a look at one part found: how it is, a sentence, and what to type when it is not well. A noun, and versions and sizes."""

import re
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """`warn`: it works, but. `bad`: something will fail, or already does."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """`mend`: what to do, with the command to type; empty when nothing is to be mended."""

    level: Level
    name: str
    text: str
    mend: str = ""


def ok(name: str, text: str) -> Finding:
    return Finding(Level.OK, name, text)


def warn(name: str, text: str, mend: str) -> Finding:
    return Finding(Level.WARN, name, text, mend)


def bad(name: str, text: str, mend: str) -> Finding:
    return Finding(Level.BAD, name, text, mend)


def numbers(version: str) -> tuple[int, ...]:
    """`nginx/1.27.4` as (1, 27, 4); empty when there is no version in it."""
    found = re.search(r"\d+(?:\.\d+)+", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
