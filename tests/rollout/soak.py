"""Tells random stories from fresh seeds for as long as told, a line a minute, and prints each one that breaks a promise.

`python -m tests.rollout.soak [MINUTES] [--of rollouts|moves] [--seed N]`; with a seed, only the stories of that one.
Ends with 1 when something broke.
"""

import argparse
import secrets
import sys
import time
import traceback
from collections.abc import Iterator
from itertools import cycle

from tests.rollout.telling import BATCH, BOOKS, tell

MINUTES = 30.0


def soak(minutes: float, books: list[str]) -> int:
    """How many batches broke."""
    began, told, broken, line = time.monotonic(), 0, 0, 1
    for book, seed in _seeds(books):
        broken += not _went_well(book, seed)
        told += BATCH
        passed = (time.monotonic() - began) / 60
        if passed >= min(line, minutes):
            _say(f"{passed:.1f} min: {told} stories, {broken} batches of {BATCH} broke a promise")
            line = int(passed) + 1
        if passed >= minutes:
            return broken
    return broken


def _seeds(books: list[str]) -> Iterator[tuple[str, int]]:
    for book in cycle(books):
        yield book, secrets.randbelow(2**31)


def _went_well(book: str, seed: int) -> bool:
    try:
        tell(book, seed)
    except Exception as broken:  # noqa: BLE001 - whatever breaks is told, and the next story follows
        _say("".join(traceback.format_exception(broken)))
        return False
    return True


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a program


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bin/soak", description=__doc__)
    parser.add_argument("minutes", nargs="?", type=float, default=MINUTES)
    parser.add_argument("--of", choices=sorted(BOOKS), help="only these")
    parser.add_argument("--seed", type=int, help="the stories of this seed, again")
    asked = parser.parse_args(words)
    books = [asked.of] if asked.of else list(BOOKS)
    if asked.seed is None:
        return 1 if soak(asked.minutes, books) else 0
    return 0 if all([_went_well(book, asked.seed) for book in books]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
