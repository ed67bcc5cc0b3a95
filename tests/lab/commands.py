"""Runs commands as lists of words and says in one line what the lab does. Never a shell, never without a time limit."""

import subprocess
import sys
import time
from pathlib import Path

_START = time.monotonic()


class LabError(Exception):
    """The lab cannot go on. The message is one sentence: what, where, what to do."""


def say(text: str) -> None:
    """One line with the seconds since the start, on standard error: standard output is for answers."""
    print(f"{time.monotonic() - _START:6.1f} s  {text}", file=sys.stderr, flush=True)


def run(words: list[str], timeout: float = 120, check: bool = True, cwd: Path | None = None) -> str:
    """Standard output of the command. Raises `LabError` with its last words when it fails."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, check=False, cwd=cwd)
    except FileNotFoundError as error:
        raise LabError(f"the command {words[0]} is not on this machine") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{_short(words)} did not end within {timeout:.0f} s") from error
    if check and done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-3:]
        raise LabError(f"{_short(words)} failed ({done.returncode}): {' / '.join(said)}")
    return done.stdout


def _short(words: list[str]) -> str:
    """The command without its `-o` options, at most eight words."""
    kept = [word for at, word in enumerate(words) if "-o" not in words[max(0, at - 1) : at + 1]]
    return " ".join(kept[:8]) + (" …" if len(kept) > 8 else "")


def works(words: list[str], timeout: float = 30) -> bool:
    """Does the command exist and end well?"""
    try:
        run(words, timeout)
    except LabError:
        return False
    return True
