"""Whose run a free worker takes up."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.delivery.run import Run, RunStatus
from pipeline.delivery.turns import in_turn

AT = datetime(2026, 1, 1, tzinfo=UTC)


def run(number: int, service: str = "shop", **changes: object) -> Run:
    made = Run(number, service, "production", "branch", "main", "a" * 40, RunStatus.QUEUED, AT)
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("due", "at_work", "order"),
    [
        ([run(2), run(1)], [], (1, 2)),
        ([run(1), run(2), run(3, "blog")], [run(9)], (3, 1, 2)),
        ([run(1), run(2, "blog")], [run(8), run(9, "blog")], (1, 2)),
        ([run(1, merge_request=5), run(2)], [], (2, 1)),
        ([run(1, merge_request=5), run(2, "blog")], [run(9, "blog")], (1, 2)),
        ([run(1, "blog"), run(2, status=RunStatus.RUNNING)], [run(9), run(8)], (2, 1)),
        ([], [run(9)], ()),
    ],
    ids=[
        "the oldest first",
        "the service with nothing at work first",
        "as busy as each other",
        "a push before a merge request",
        "but a service that has nothing at work before all",
        "what lost its worker first",
        "nothing",
    ],
)
def test_services_take_turns(due: list[Run], at_work: list[Run], order: tuple[int, ...]) -> None:
    assert in_turn(due, at_work) == order


def test_a_service_that_pushes_without_end_keeps_nobody_waiting_for_more_than_one_of_its_runs() -> None:
    """Two workers, forty runs of one service, and one each of others that came later."""
    waiting = [run(n) for n in range(1, 41)] + [run(50 + n, f"calm-{n}") for n in range(4)]
    begun: list[Run] = []

    while waiting:
        number = in_turn(waiting, begun[-1:])[0]  # the other worker has the last one
        begun.append(next(one for one in waiting if one.id == number))
        waiting.remove(begun[-1])

    calm = [at for at, one in enumerate(begun) if one.service != "shop"]
    assert calm == [1, 3, 5, 7]
