"""Does checks side by side, each with its deadline: a part that is sick must not hide how the others are. Prints what was
found, a group a kind of part. Knows no check.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import click

from pipeline.commands.screen import folded
from pipeline.errors import ShipwayError
from runners.examining.finding import Finding, Level, bad

DEADLINE = 15.0  # seconds, for all of them
GLYPHS: Mapping[Level, tuple[str, str]] = {
    Level.OK: ("✔", "green"),
    Level.WARN: ("▲", "yellow"),
    Level.BAD: ("✖", "red"),
}
SLOW = "try it by hand; a firewall that drops instead of refusing looks like this"


@dataclass
class Check:
    """`look` runs in a thread of its own and is left behind when it does not return. `mend`: what to do when it raises."""

    group: str
    name: str
    look: Callable[[], list[Finding]]
    mend: str = "correct what shipway.yml says of it; `shipway config docs` tells what each key means"
    found: list[Finding] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        try:
            self.found = self.look()
        except ShipwayError as error:
            self.found = [bad(self.name, str(error), self.mend)]
        except OSError as error:
            self.found = [bad(self.name, f"it does not answer ({error})", SLOW)]
        self.over.set()


def examine(checks: Sequence[Check], deadline: float, tell: Callable[[int], None]) -> None:
    """Every check has something to say afterwards. `tell` is given how many are over."""
    end = time.monotonic() + deadline
    for check in checks:
        threading.Thread(target=check.run, name=check.name, daemon=True).start()
    for number, check in enumerate(checks, 1):
        if not check.over.wait(max(0.0, end - time.monotonic())):
            check.found = [bad(check.name, f"no answer within {deadline:g} s", SLOW)]
        tell(number)


def told(number: int, of: int) -> None:
    """On a terminal alone, and wiped out at the end."""
    if sys.stderr.isatty():
        text = f"looking at {of} parts: {number}" if number < of else ""
        click.echo(f"\r\x1b[2K{text}", err=True, nl=False)


def documents(checks: Iterable[Check]) -> list[dict[str, Any]]:
    return [{"group": check.group, **asdict(finding)} for check in checks for finding in check.found]


def report(checks: Sequence[Check], width: int) -> list[str]:
    """A group a paragraph. `width` 0: no line is folded."""
    groups = dict.fromkeys(check.group for check in checks if check.found)
    lines = []
    for group in groups:
        found = [finding for check in checks if check.group == group for finding in check.found]
        lines += [click.style(group, bold=True), *(line for f in found for line in _lines(f, width)), ""]
    return [*lines, summary([finding for check in checks for finding in check.found])]


def summary(found: Sequence[Finding]) -> str:
    parts = [(sum(f.level is level for f in found), *GLYPHS[level], level) for level in Level]
    return "  ".join(
        click.style(f"{glyph} {count} {level}", fg=ink) for count, glyph, ink, level in parts if count
    )


def _lines(finding: Finding, width: int) -> list[str]:
    glyph, ink = GLYPHS[finding.level]
    mark = click.style(f"  {glyph} {finding.level:<4}", fg=ink, bold=finding.level is not Level.OK)
    text = f"{finding.name}: {' '.join(finding.text.split())}"
    first, *rest = folded(text, width - 10, "") if width else [text]
    lines = [f"{mark}  {first}", *(" " * 10 + line for line in rest)]
    if finding.mend:
        mend = folded(f"→ {finding.mend}", width, " " * 10) if width else [f"{' ' * 10}→ {finding.mend}"]
        lines += [click.style(line, fg="cyan") for line in mend]
    return lines
