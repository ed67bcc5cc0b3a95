"""What Shipway writes down about when: ports of the database, beside `books.py`, and of the same contract."""

from collections.abc import Sequence
from typing import Protocol

from pipeline.errors import Conflict, NotFound
from pipeline.fleet.window import Freeze


class Freezes(Protocol):
    """Freezes that people set; those of shipway.yml are not in it."""

    def add(self, freeze: Freeze) -> Freeze:
        """Stores it under a new id."""

    def freezes(self) -> Sequence[Freeze]:
        """Those that are not over and were not lifted, also those to come; by their beginning."""

    def freeze(self, number: int) -> Freeze: ...

    def lift(self, number: int, by: str) -> Freeze:
        """Over from now on. Raises `Conflict` when it is over already."""


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
