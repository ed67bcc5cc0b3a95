"""What doctor says of the doors of the other machines: real doors, certificates and handshakes, all on this one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import Unreachable
from pipeline.fleet.agent import DoorHere
from runners.agents.hub import Hub
from runners.agents.peers import Peers
from runners.examining.doors import look_at_doors
from runners.examining.finding import Finding, Level
from tests.parts.peers import Books, PeerDoor


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    made = Hub(str(tmp_path / "agents"))
    made.start()
    yield made
    made.close()


@pytest.fixture
def door(tmp_path: Path, hub: Hub) -> Iterator[PeerDoor]:
    made = PeerDoor(tmp_path, hub)
    yield made
    made.close()


def looked(place: str, context: object) -> Finding:
    doors = [DoorHere("a", "ship-1", place), DoorHere("b", "ship-2", "10.0.0.12:8444")]
    (found,) = look_at_doors(lambda: doors, "b", Peers(Books(), lambda: "b", context).greet)  # type: ignore[arg-type]
    return found


def test_door_that_answers_is_good(door: PeerDoor):
    assert looked(door.place, door.context) == Finding(
        Level.OK, "door of ship-1", f"{door.place} answers and knows us"
    )


def test_door_where_nobody_listens_is_bad_with_the_place_to_open(door: PeerDoor):
    found = looked("127.0.0.1:9", door.context)

    assert found.level is Level.BAD
    assert "127.0.0.1:9 cannot be called from here" in found.text
    assert "refused" in found.text
    assert found.mend == "let this machine reach 127.0.0.1:9, or correct enrolment.peers on ship-1"


def test_door_of_another_authority_is_bad(door: PeerDoor, hub: Hub, tmp_path: Path):
    strange = PeerDoor(tmp_path / "strange", hub)
    try:
        found = looked(strange.place, door.context)
    finally:
        strange.close()

    assert found.level is Level.BAD
    assert "certificate" in found.text


def test_door_without_a_place_is_told_of(door: PeerDoor):
    found = looked("", door.context)

    assert (found.level, found.mend) == (
        Level.WARN,
        "set enrolment.peers.address on ship-1, and restart it",
    )


def test_alone_there_is_nobody_to_call():
    (found,) = look_at_doors(lambda: [DoorHere("b", "ship-2", "10.0.0.12:8444")], "b", lambda place: None)

    assert found.level is Level.OK


def test_database_that_is_away_is_said():
    def away() -> list[DoorHere]:
        raise Unreachable("The database does not answer.")

    (found,) = look_at_doors(away, "b", lambda place: None)

    assert (found.level, found.text) == (Level.BAD, "The database does not answer.")
