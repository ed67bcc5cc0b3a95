"""Counts the cases of a JUnit XML report that untrusted code wrote.

A streaming parser, no tree, no entities: a document type, which is where XML bombs live, is refused. Never opens a file.
"""

from dataclasses import dataclass
from xml.parsers import expat

OUTCOMES = {"failure": "failed", "error": "errors", "skipped": "skipped"}


class NotJUnit(Exception):
    """Why this document cannot be counted."""


@dataclass(frozen=True)
class Totals:
    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(
            self.passed + other.passed,
            self.failed + other.failed,
            self.errors + other.errors,
            self.skipped + other.skipped,
        )

    def __str__(self) -> str:
        """In the words of pytest; what is zero is left out, except when all is."""
        parts = [
            (self.passed, "passed"),
            (self.failed, "failed"),
            (self.errors, "errors"),
            (self.skipped, "skipped"),
        ]
        return ", ".join(f"{count} {word}" for count, word in parts if count) or "0 passed"


def totals_of(document: bytes) -> Totals:
    """Raises `NotJUnit`."""
    counter = _Counter()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = counter.begin
    parser.EndElementHandler = counter.end
    try:
        parser.Parse(document, True)
    except expat.ExpatError as error:
        raise NotJUnit(f"it is not XML ({error})") from error
    if not counter.suite:
        raise NotJUnit("it has no testsuite")
    counts = [counter.outcomes.count(outcome) for outcome in ("passed", "failed", "errors", "skipped")]
    return Totals(*counts)


def _refuse(*_: object) -> None:
    raise NotJUnit("it has a document type, which reports do not need")


class _Counter:
    """One outcome a case: the worst that its element holds comes first in practice."""

    def __init__(self) -> None:
        self.suite = False
        self.outcomes: list[str] = []
        self._case = ""

    def begin(self, name: str, _: dict[str, str]) -> None:
        if name in ("testsuite", "testsuites"):
            self.suite = True
        elif name == "testcase":
            self._case = "passed"
        elif self._case == "passed" and name in OUTCOMES:
            self._case = OUTCOMES[name]

    def end(self, name: str) -> None:
        if name == "testcase":
            self.outcomes.append(self._case)
            self._case = ""
