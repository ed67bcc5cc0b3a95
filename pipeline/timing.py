"""What Shipway writes down about when: ports of the database, beside `books.py`, and of the same contract."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from pipeline.delivery.run import NewRun, Run
from pipeline.errors import Conflict, NotFound
from pipeline.fleet.schedule import Due
from pipeline.fleet.window import Freeze

Place = tuple[str, str, str]  # service, environment, name of the schedule


class Freezes(Protocol):
    """Freezes that people set; those of shipway.yml are not in it."""

    def add(self, freeze: Freeze) -> Freeze:
        """Stores it under a new id."""

    def freezes(self) -> Sequence[Freeze]:
        """Those that are not over and were not lifted, also those to come; by their beginning."""

    def freeze(self, number: int) -> Freeze: ...

    def lift(self, number: int, by: str) -> Freeze:
        """Over from now on. Raises `Conflict` when it is over already."""


class Schedules(Protocol):
    """Up to which moment schedules were obeyed."""

    def remember(self, known: Sequence[Place]) -> None:
        """These are all there are. What is due of a new one counts from now on."""

    def obeyed(self) -> Mapping[Place, datetime]: ...

    def start(self, due: Due, new: NewRun | None) -> Run | None:
        """One transaction: obeyed up to `due.at`, and its run is queued. None: nothing was, since nothing is to run, or
        another scheduler did it, or another schedule of the environment at the same moment."""


class NoFreezes:
    """Nobody sets any."""

    def add(self, freeze: Freeze) -> Freeze:
        raise Conflict("This Shipway keeps no freezes.")

    def freezes(self) -> Sequence[Freeze]:
        return ()

    def freeze(self, number: int) -> Freeze:
        raise NotFound("This Shipway keeps no freezes.")

    def lift(self, number: int, by: str) -> Freeze:
        raise NotFound("This Shipway keeps no freezes.")


class NoSchedules:
    """The books of tests that have none."""

    def remember(self, known: Sequence[Place]) -> None:
        return

    def obeyed(self) -> Mapping[Place, datetime]:
        return {}

    def start(self, due: Due, new: NewRun | None) -> Run | None:
        raise Conflict("This Shipway keeps no schedules.")
