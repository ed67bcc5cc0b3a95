"""Real machines (as far as a process can be one) and a real data path, opened and closed together."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from tests.parts.balancers.backend import Backend
from tests.parts.balancers.data_plane import Manner, Plane

COUNT = 3


@contextmanager
def machines(count: int = COUNT) -> Iterator[list[Backend]]:
    made = [Backend() for _ in range(count)]
    try:
        yield made
    finally:
        for backend in made:
            backend.stop()


@contextmanager
def plane(
    late: float, first_rise: int = 2, fail_open: bool = False, checks_parked: bool = True
) -> Iterator[tuple[Plane, "Manners"]]:
    """`late` holds from the time on when `Manners.begin` was called: a ground is made with a quick data path."""
    made = Plane()
    try:
        yield (
            made,
            Manners(
                made, late, Manner(first_rise=first_rise, fail_open=fail_open, checks_parked=checks_parked)
            ),
        )
    finally:
        made.close()


class Manners:
    """Makes the manner of each new pool."""

    def __init__(self, plane: Plane, late: float, manner: Manner) -> None:
        self._plane = plane
        self._late = late
        self._manner = manner

    def __call__(self) -> Manner:
        return replace(self._manner)

    def begin(self) -> None:
        for pool in self._plane.pools.values():
            pool.manner.late = self._late
