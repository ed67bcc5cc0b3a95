"""Finding the coverage figure with patterns that whoever can push wrote."""

import time

import pytest

from runners.builder.coverage import KEPT, SECONDS, find_coverage

OUTPUT = "a.py 10 5 50%\nTOTAL 120 30 75%\nTOTAL 120 22 81,5 %\n"


@pytest.mark.parametrize(
    ("pattern", "output", "figure"),
    [
        (r"TOTAL.*?(\d+)%", OUTPUT, 75.0),
        (r"^TOTAL.* ([\d,]+) %$", OUTPUT, 81.5),
        (r"coverage: (\d+(?:\.\d+)?)%", "coverage: 12.25%", 12.25),
        (r"(\d+%)", "7%", 7.0),
        (r"(\d+)", "5" * (2 * KEPT) + " 9", 9.0),
    ],
)
def test_last_figure_counts(pattern, output, figure):
    assert find_coverage(pattern, output, print) == figure


@pytest.mark.parametrize(
    ("pattern", "output"), [(r"(x)", "x"), (r"(\d+)", "none"), (r"(\d+)", "101"), (r"()", "5")]
)
def test_no_figure_is_said(pattern, output):
    told = []

    assert find_coverage(pattern, output, told.append) is None
    assert "found no figure" in told[0]


def test_pattern_that_takes_for_ever_is_given_up():
    told, begun = [], time.monotonic()

    assert find_coverage(r"(a+)+$", "a" * 5000 + "b", told.append) is None
    assert time.monotonic() - begun < SECONDS + 3
    assert len(told) == 1
