"""Checks side by side: none hides another, and every sentence has its way out."""

import threading
from typing import Any

import click
import pytest

from pipeline.commands.examination import Check, documents, examine, report
from pipeline.errors import Unreachable
from runners.examining.finding import Finding, bad, ok, warn


def raising(error: Exception) -> list[Finding]:
    raise error


def examined(*checks: Check, deadline: float = 5.0) -> list[Check]:
    examine(checks, deadline, lambda number: None)
    return list(checks)


def test_a_part_that_never_answers_does_not_hide_the_others() -> None:
    never = threading.Event()
    checks = examined(
        Check("Hosts", "web-1", lambda: raising(Unreachable("held")) if never.wait() else []),
        Check("Hosts", "web-2", lambda: [ok("web-2", "answers")]),
        deadline=0.2,
    )

    never.set()

    (silent,), (well,) = (check.found for check in checks)
    assert (silent.level, silent.text) == ("bad", "no answer within 0.2 s")
    assert silent.mend
    assert well == ok("web-2", "answers")


@pytest.mark.parametrize("error", [Unreachable("It is closed."), ConnectionRefusedError("refused")])
def test_what_a_look_raises_is_a_finding_with_a_way_out(error: Exception) -> None:
    (check,) = examined(Check("Hosts", "web-1", lambda: raising(error), mend="open it"))

    (finding,) = check.found
    assert (finding.level, finding.name) == ("bad", "web-1")
    assert str(error) in finding.text
    assert finding.mend


def test_the_report_has_a_paragraph_a_group_and_counts_at_its_end() -> None:
    checks = examined(
        Check("Hosts", "a", lambda: [ok("a", "answers"), warn("a", "little room", "`shipway prune`")]),
        Check("Registry", "r", lambda: [bad("r", "away", "start it")]),
        Check("Hosts", "b", lambda: [ok("b", "answers")]),
        Check("Empty", "e", list),
    )

    lines = [click.unstyle(line) for line in report(checks, 0)]

    assert lines == [
        "Hosts",
        "  ✔ ok    a: answers",
        "  ▲ warn  a: little room",
        "          → `shipway prune`",
        "  ✔ ok    b: answers",
        "",
        "Registry",
        "  ✖ bad   r: away",
        "          → start it",
        "",
        "✔ 2 ok  ▲ 1 warn  ✖ 1 bad",
    ]


def test_the_report_fits_into_the_window() -> None:
    checks = examined(Check("Hosts", "a", lambda: [bad("a", "it does not answer " * 20, "look at it " * 20)]))

    assert max(len(click.unstyle(line)) for line in report(checks, 60)) <= 60


def test_programs_get_the_group_too() -> None:
    found: list[dict[str, Any]] = documents(examined(Check("Hosts", "a", lambda: [ok("a", "answers")])))

    assert found == [{"group": "Hosts", "level": "ok", "name": "a", "text": "answers", "mend": ""}]
