"""What proxies counted, added up."""

import pytest

from pipeline.fleet.proxy import BackendSeen, BackendState
from pipeline.rollout.tally import Figures, Tally, together

PLAIN = Tally("front@web-1", "10.0.0.1:20000", 7)


def seen(requests: int, errors: int = 0, mean: float | None = None) -> BackendSeen:
    return BackendSeen(PLAIN.address, BackendState.READY, 0, requests, errors, mean)


def test_what_came_between_two_looks_is_added():
    tally = PLAIN.counted(seen(10, 1), void=False).counted(seen(30, 4), void=False)

    assert (tally.requests, tally.errors) == (30, 4)


def test_proxy_that_begins_anew_takes_nothing_back_and_gives_nothing_twice():
    tally = PLAIN.counted(seen(100, 10), void=False)

    fallen = tally.counted(seen(3, 0), void=False)

    assert (fallen.requests, fallen.errors) == (100, 10)
    assert fallen.counted(seen(13, 2), void=False).requests == 110


def test_time_in_which_the_host_was_away_does_not_count():
    tally = PLAIN.counted(seen(10), void=False).counted(seen(500, 490), void=True)

    assert (tally.requests, tally.errors) == (10, 0)
    assert tally.counted(seen(510, 491), void=False).errors == 1


def test_mean_is_the_latest_that_the_proxy_could_tell():
    tally = PLAIN.counted(seen(10, mean=0.2), void=False).counted(seen(20), void=False)

    assert tally.mean == 0.2


def test_means_are_weighted_by_their_requests():
    found = together(
        [Tally("s", "a", 7, 30, 3, 0.1), Tally("s", "b", 7, 10, 0, 0.5), Tally("s", "c", 7, 60, 0)]
    )

    assert (found.requests, found.errors) == (100, 3)
    assert found.mean == pytest.approx(0.2)


def test_nothing_counted_is_no_share_and_no_mean():
    assert together([PLAIN]) == Figures()
    assert (Figures().share, Figures().surely) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("errors", "requests", "least", "most"),
    [(0, 20, 0.0, 0.0), (1, 20, 0.0, 0.02), (3, 20, 0.03, 0.06), (31, 120, 0.15, 0.2), (20, 20, 0.7, 0.8)],
)
def test_few_requests_are_sure_of_little(errors, requests, least, most):
    assert least <= Figures(requests, errors).surely <= most
