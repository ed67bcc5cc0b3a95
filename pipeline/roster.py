"""The hosts that joined: a port of the database, beside `books.py`, and of the same contract."""

from collections.abc import Mapping
from typing import Protocol

from pipeline.errors import Conflict
from pipeline.fleet.joined import Joined


class Roster(Protocol):
    """Hosts that are in no file. One that left is not in it any more."""

    def joined(self) -> Mapping[str, Joined]:
        """By their names, in the order in which they joined."""

    def add(self, joined: Joined) -> None:
        """Or writes down anew what is known of it. Raises `Conflict` when another machine has the name (its `instance`
        or `engine` is another one's)."""

    def identify(self, name: str, instance: str, provider: str, size: str) -> None:
        """What the cloud that made it says of it. Raises `NotFound`."""

    def protect(self, name: str, protected: bool) -> None:
        """Raises `NotFound`."""

    def remove(self, name: str) -> None:
        """Absent is fine."""


NOBODY = "This Shipway has no database of hosts that join. Name the host under `hosts` in shipway.yml."


class NoRoster:
    """Nobody joins."""

    def joined(self) -> Mapping[str, Joined]:
        return {}

    def add(self, joined: Joined) -> None:
        raise Conflict(NOBODY)

    def identify(self, name: str, instance: str, provider: str, size: str) -> None:
        raise Conflict(NOBODY)

    def protect(self, name: str, protected: bool) -> None:
        raise Conflict(NOBODY)

    def remove(self, name: str) -> None:
        """There is none."""
