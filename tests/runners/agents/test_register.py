"""What a door tells the other machines, and what it hears of theirs."""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.errors import Unreachable
from pipeline.fleet.agent import AgentSeen, DoorHere
from runners.agents.register import Register

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HERE = DoorHere("a", "ship-1", "10.0.0.11:8444")
CAME = AgentSeen(True, NOON, "10.0.0.9:5")
WENT = AgentSeen(False, NOON + timedelta(seconds=5), "10.0.0.9:5", "it was stopped on the host")


class Books:
    def __init__(self) -> None:
        self.noted: list[dict[str, AgentSeen]] = []
        self.elsewhere: dict[str, str] = {}
        self.left: list[str] = []
        self.away = False
        self.heard = threading.Event()

    def note(self, door: DoorHere, seen: Mapping[str, AgentSeen], now: datetime) -> Mapping[str, str]:
        if self.away:
            raise Unreachable("The database does not answer.")
        self.noted.append(dict(seen))
        if seen:
            self.heard.set()
        return self.elsewhere

    def leave(self, machine: str) -> None:
        self.left.append(machine)


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def register(books: Books) -> Register:
    return Register(books, HERE, every=3600, now=lambda: NOON)


def test_what_changed_is_told_once(books: Books, register: Register):
    register.told("web-9", CAME)
    register.tell()
    register.tell()

    assert books.noted == [{"web-9": CAME}, {}]


def test_what_a_database_did_not_hear_is_told_again_but_for_what_is_newer(books: Books, register: Register):
    register.told("web-8", CAME)
    register.told("web-9", CAME)
    books.away = True
    register.tell()
    register.told("web-9", WENT)
    books.away = False
    register.tell()

    assert books.noted == [{"web-8": CAME, "web-9": WENT}]


def test_cable_that_is_not_the_newest_one_is_ended(books: Books, register: Register):
    ended: list[tuple[str, datetime, str]] = []
    register._superseded = lambda *words: ended.append(words)
    register.told("web-9", CAME)
    register.tell()
    books.elsewhere = {"web-9": "ship-2", "web-7": "ship-2"}
    register.tell()
    register.told("web-9", WENT)
    register.tell()

    assert ended == [("web-9", NOON, "ship-2")]


def test_a_change_is_told_at_once_and_the_last_one_at_the_end(books: Books, register: Register):
    register.start(lambda *_: None)
    register.told("web-9", CAME)
    assert books.heard.wait(10)
    register.told("web-9", WENT)
    register.close()

    assert {name: seen for noted in books.noted for name, seen in noted.items()} == {"web-9": WENT}
    assert books.left == ["a"]
