"""Finds a figure in the output of tests by a regular expression that whoever can push wrote.

Such a pattern can take for ever, and nothing in this process could stop it: the search runs in a process of its own, for a
bounded time, over the end of the output. Never fails a test run.
"""

import json
import resource
import subprocess
import sys
from collections.abc import Callable

KEPT = 64 << 10  # signs at the end of the output
SECONDS = 2
MEMORY = 512 << 20
SEARCH = """
import json, re, sys
pattern, text = json.load(sys.stdin)
found = ""
for match in re.finditer(pattern, text, re.MULTILINE):
    found = match[1] or found
print(json.dumps(found[:40]))
"""


def find_coverage(pattern: str, output: str, log: Callable[[str], None]) -> float | None:
    """The last figure; None: none was found."""
    try:
        found = _search(pattern, output[-KEPT:])
    except subprocess.TimeoutExpired:
        log(f"[shipway] test.coverage took longer than {SECONDS} s and was given up: make it simpler.\n")
        return None
    try:
        share = float(found.strip().rstrip("%").replace(",", "."))
    except ValueError:
        share = -1.0
    if not 0 <= share <= 100:
        log(f"[shipway] test.coverage found no figure from 0 to 100 in the output{_what(found)}.\n")
        return None
    return share


def _search(pattern: str, text: str) -> str:
    words = [sys.executable, "-I", "-c", SEARCH]
    done = subprocess.run(
        words,
        input=json.dumps([pattern, text]).encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=SECONDS,
        preexec_fn=_bound,
        check=False,
    )
    return str(json.loads(done.stdout)) if done.returncode == 0 else ""


def _bound() -> None:
    """In the child: it ends by itself when we are killed meanwhile."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _what(found: str) -> str:
    return f", but {found!r}" if found else ""
