"""Counting cases in reports that untrusted code wrote."""

import pytest

from runners.junit import NotJUnit, Totals, totals_of

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
    assert str(totals_of(document)) == said


@pytest.mark.parametrize("document", [BOMB, b"", b"not xml", b"<html/>", b"<testsuite>", b"\0" * 100])
def test_what_is_no_report_is_refused(document):
    with pytest.raises(NotJUnit):
        totals_of(document)


def test_reports_add_up():
    assert str(Totals(1, 2, 3, 4) + Totals(passed=1)) == "2 passed, 2 failed, 3 errors, 4 skipped"
