"""Trying again, with a clock that only moves when somebody sleeps."""

import pytest

from pipeline.errors import Rejected, Unreachable
from runners.patience import Patience, chunks


class Sleeper:
    def __init__(self) -> None:
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def clock(self) -> float:
        return sum(self.pauses)

    def patience(self, share: float = 1.0, deadline: float = 30.0) -> Patience:
        return Patience(deadline, 0.2, 8.0, self.sleep, self.clock, lambda: share)


def failing(times: int, error: Exception):
    left = [times]

    def work() -> str:
        if left[0]:
            left[0] -= 1
            raise error
        return "done"

    return work


def test_what_is_unreachable_is_tried_until_it_works():
    sleeper = Sleeper()

    assert sleeper.patience().retrying(failing(3, Unreachable("no answer."))) == "done"
    assert sleeper.pauses == [0.2, 0.4, 0.8]


def test_the_pause_is_any_share_of_what_it_could_be_and_has_a_limit():
    sleeper = Sleeper()
    sleeper.patience(share=0.5, deadline=100).retrying(failing(9, Unreachable("no answer.")))

    assert sleeper.pauses[:2] == [0.1, 0.2]
    assert max(sleeper.pauses) == 4.0


def test_at_the_deadline_the_last_reason_is_told_with_the_time_it_took():
    sleeper = Sleeper()

    with pytest.raises(Unreachable, match=r"^no answer\. Tried 9 times in 2\d s\.$"):
        sleeper.patience().retrying(failing(99, Unreachable("no answer.")))
    assert sleeper.clock() <= 30.0


def test_what_is_refused_is_not_tried_again():
    sleeper = Sleeper()

    with pytest.raises(Rejected, match="no such thing"):
        sleeper.patience().retrying(failing(1, Rejected("no such thing")))
    assert sleeper.pauses == []


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, []), (1, [1]), (19, [19]), (20, [20]), (21, [20, 1]), (40, [20, 20])]
)
def test_chunks_are_full_and_none_is_empty(count, sizes):
    assert [len(one) for one in chunks(range(count), 20)] == sizes
