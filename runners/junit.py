"""Reads a JUnit XML report that untrusted code wrote: how many cases there were, and which of them failed.

A streaming parser, no tree, no entities: a document type, which is where XML bombs live, is refused. Never opens a file.
"""

from dataclasses import dataclass, field
from xml.parsers import expat

from pipeline.delivery.report import Case, Totals

OUTCOMES = {"failure": "failed", "error": "errors", "skipped": "skipped"}
MOST_CASES = 20  # that are kept by name
LONGEST_NAME, LONGEST_MESSAGE = 200, 300


class NotJUnit(Exception):
    """Why this document cannot be counted."""


@dataclass(frozen=True)
class Report:
    totals: Totals = field(default_factory=Totals)
    cases: tuple[Case, ...] = ()

    def __add__(self, other: "Report") -> "Report":
        return Report(self.totals + other.totals, (self.cases + other.cases)[:MOST_CASES])


def report_of(document: bytes) -> Report:
    """Raises `NotJUnit`."""
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = reader.begin
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(document, True)
    except expat.ExpatError as error:
        raise NotJUnit(f"it is not XML ({error})") from error
    if not reader.suite:
        raise NotJUnit("it has no testsuite")
    counts = [reader.outcomes.count(outcome) for outcome in ("passed", "failed", "errors", "skipped")]
    return Report(Totals(*counts), tuple(reader.cases))


def _refuse(*_: object) -> None:
    raise NotJUnit("it has a document type, which reports do not need")


def _line(text: str, most: int) -> str:
    """The first line that says something, without what a terminal would obey."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return "".join(sign if sign.isprintable() else " " for sign in first[: 2 * most]).strip()[:most]


class _Reader:
    """One outcome a case: the worst that its element holds comes first in practice."""

    def __init__(self) -> None:
        self.suite = False
        self.outcomes: list[str] = []
        self.cases: list[Case] = []
        self._case = ""
        self._name = ""
        self._message = ""
        self._listens = False

    def begin(self, name: str, given: dict[str, str]) -> None:
        if name in ("testsuite", "testsuites"):
            self.suite = True
        elif name == "testcase":
            self._case, self._message = "passed", ""
            parts = (given.get("classname", ""), given.get("name", ""))
            self._name = _line("::".join(part for part in parts if part), LONGEST_NAME) or "(no name)"
        elif self._case == "passed" and name in OUTCOMES:
            self._case = OUTCOMES[name]
            self._message = given.get("message", "")
            self._listens = not self._message.strip()

    def text(self, data: str) -> None:
        if self._listens and len(self._message) < 4 * LONGEST_MESSAGE:
            self._message += data

    def end(self, name: str) -> None:
        if name in OUTCOMES:
            self._listens = False
        if name != "testcase":
            return
        self.outcomes.append(self._case)
        if self._case in ("failed", "errors") and len(self.cases) < MOST_CASES:
            self.cases.append(Case(self._name, _line(self._message, LONGEST_MESSAGE)))
        self._case = ""
