"""Counting cases in reports that untrusted code wrote."""

import pytest

from pipeline.delivery.report import Case, Totals
from runners.junit import MOST_CASES, NotJUnit, Report, report_of

BOMB = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<testsuite><testcase name="&b;"/></testsuite>"""


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"<testsuite/>", "0 passed"),
        (b"<testsuites><testsuite><testcase/><testcase/></testsuite></testsuites>", "2 passed"),
        (b"<testsuite><testcase/><testcase><failure/></testcase></testsuite>", "1 passed, 1 failed"),
        (
            b"<testsuite><testcase><error/></testcase><testcase><skipped/></testcase></testsuite>",
            "1 errors, 1 skipped",
        ),
        (b"<testsuite><testcase><failure/><error/></testcase></testsuite>", "1 failed"),
        (b"<testsuite><failure/><testcase/></testsuite>", "1 passed"),
    ],
)
def test_cases_are_counted_once(document, said):
    assert str(report_of(document).totals) == said


@pytest.mark.parametrize("document", [BOMB, b"", b"not xml", b"<html/>", b"<testsuite>", b"\0" * 100])
def test_what_is_no_report_is_refused(document):
    with pytest.raises(NotJUnit):
        report_of(document)


def test_reports_add_up():
    assert str(Totals(1, 2, 3, 4) + Totals(passed=1)) == "2 passed, 2 failed, 3 errors, 4 skipped"


def test_failing_cases_are_named_with_the_first_line_of_why():
    document = b"""<testsuite>
      <testcase classname="tests.test_app" name="test_sum"><failure message="assert 1 == 2&#10;more">trace</failure></testcase>
      <testcase name="bare"><error>
        Traceback
      boom</error></testcase>
      <testcase name="fine"/></testsuite>"""

    assert report_of(document).cases == (
        Case("tests.test_app::test_sum", "assert 1 == 2"),
        Case("bare", "Traceback"),
    )


def test_names_and_messages_are_short_and_hold_nothing_that_a_terminal_obeys():
    long, control = b"x" * 5000, "\u009b31m".encode()
    document = (
        b'<testsuite><testcase name="'
        + control
        + long
        + b'"><failure>'
        + long
        + b"</failure></testcase></testsuite>"
    )

    (case,) = report_of(document).cases

    assert (len(case.name), len(case.message)) == (200, 300)
    assert case.name.isprintable()


def test_only_the_first_failing_cases_are_kept_and_all_are_counted():
    document = b"<testsuite>" + b"<testcase><failure/></testcase>" * 1000 + b"</testsuite>"

    report = report_of(document) + report_of(document)

    assert (len(report.cases), report.totals.failed) == (MOST_CASES, 2000)


def test_no_report_is_an_empty_one():
    assert str(Report().totals) == "0 passed"
