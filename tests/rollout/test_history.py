"""Which release to return to, and which images must stay."""

import pytest

from pipeline.rollout.history import kept_releases, rollback_target


@pytest.mark.parametrize(
    ("good", "live", "target"),
    [
        ([3, 2, 1], 3, 2),
        ([2, 3, 1], 2, 1),  # after one way back the next goes further back, never forth
        ([4, 1, 3, 2], 4, 1),  # 3 and 2 were taken back by hand before 4 came
        ([3, 1], 3, 1),
        ([1], 1, None),
        ([], None, None),
        ([2, 1], None, 2),
        ([1, 2], 1, None),
    ],
)
def test_going_back_means_the_last_good_release_below_the_live_one(good, live, target):
    assert rollback_target(good, live) == target


def test_kept_are_the_newest_good_ones_and_all_that_is_needed_now():
    assert kept_releases([9, 8, 7, 6, 5], 2, [9, 4, None, 11]) == {9, 8, 4, 11}


def test_something_is_kept_even_when_nothing_should_be():
    assert kept_releases([9, 8], 0, []) == {9}
