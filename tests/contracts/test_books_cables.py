"""The contract of `runners.agents.register.Cables` and `runners.agents.peers.Ends`: several machines, the newest cable wins."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from pipeline.fleet.agent import AgentSeen, DoorHere
from runners.store import Store

ONE, TWO = DoorHere("a", "ship-1", "10.0.0.11:8444"), DoorHere("b", "ship-2", "10.0.0.12:8444")
NOW = datetime(2020, 1, 1, tzinfo=UTC)  # by a clock that is years behind: only how long ago it was counts


def came(ago: float = 0, peer: str = "10.0.0.9:1") -> AgentSeen:
    return AgentSeen(True, NOW - timedelta(seconds=ago), peer)


def went(ago: float = 0, why: str = "it was stopped on the host") -> AgentSeen:
    return AgentSeen(False, NOW - timedelta(seconds=ago), "10.0.0.9:1", why)


def test_host_that_never_came_is_not_known(books: Store):
    books.cables.note(ONE, {}, NOW)
    assert books.cables.end_of("web-9") is None


def test_cable_is_found_with_the_place_of_its_machine(books: Store):
    before = datetime.now(UTC)
    books.cables.note(ONE, {"web-9": came(60)}, NOW)
    end = books.cables.end_of("web-9")

    assert end is not None
    assert (end.machine, end.name, end.place, end.alive) == ("a", "ship-1", "10.0.0.11:8444", True)
    assert (end.seen.connected, end.seen.peer, end.seen.at) == (True, "10.0.0.9:1", "ship-1")
    assert abs(end.seen.since - (before - timedelta(seconds=60))) < timedelta(seconds=30)


def test_newer_cable_wins_whoever_is_heard_first(books: Store):
    books.cables.note(TWO, {"web-9": came(5), "web-8": came(50)}, NOW)
    books.cables.note(ONE, {"web-9": came(50), "web-8": came(5)}, NOW)

    assert [books.cables.end_of(host).machine for host in ("web-9", "web-8")] == ["b", "a"]  # type: ignore[union-attr]


def test_machine_hears_which_of_its_cables_is_not_the_newest(books: Store):
    books.cables.note(ONE, {"web-9": came(60)}, NOW)
    books.cables.note(TWO, {"web-9": came(5)}, NOW)

    assert books.cables.note(ONE, {}, NOW) == {"web-9": "ship-2"}
    assert books.cables.note(TWO, {}, NOW) == {}


def test_cable_that_went_here_says_nothing_of_the_newer_one_there(books: Store):
    books.cables.note(ONE, {"web-9": came(60)}, NOW)
    books.cables.note(TWO, {"web-9": came(5)}, NOW)
    books.cables.note(ONE, {"web-9": went(0, "no sign of life")}, NOW)
    end = books.cables.end_of("web-9")

    assert end is not None
    assert (end.machine, end.seen.connected) == ("b", True)


def test_cable_that_went_is_told_with_why(books: Store):
    books.cables.note(ONE, {"web-9": came(60)}, NOW)
    books.cables.note(ONE, {"web-9": went()}, NOW)
    end = books.cables.end_of("web-9")

    assert end is not None
    assert (end.seen.connected, end.seen.error) == (False, "it was stopped on the host")
    assert books.cables.note(TWO, {}, NOW) == {}


def test_host_comes_back_to_the_other_machine(books: Store):
    books.cables.note(ONE, {"web-9": came(60)}, NOW)
    books.cables.note(ONE, {"web-9": went(10)}, NOW)
    books.cables.note(TWO, {"web-9": came(5)}, NOW)

    assert books.cables.end_of("web-9").machine == "b"  # type: ignore[union-attr]


def test_door_that_gives_no_sign_of_life_is_not_alive_nor_is_one_that_was_ended(books: Store):
    books.cables.note(ONE, {"web-9": came()}, NOW)
    books.cables.note(TWO, {"web-8": came()}, NOW)
    books._database.write(
        lambda tx: tx.execute(
            text("UPDATE doors SET seen_at = '2026-01-01 00:00:00+00:00' WHERE machine = 'a'")
        )
    )
    books.cables.leave("b")

    assert [books.cables.end_of(host).alive for host in ("web-9", "web-8")] == [False, False]  # type: ignore[union-attr]


def test_doors_that_live_are_told_with_their_places(books: Store):
    books.cables.note(TWO, {}, NOW)
    books.cables.note(ONE, {}, NOW)

    assert books.cables.living_doors() == [ONE, TWO]

    books.cables.leave(TWO.machine)
    assert books.cables.living_doors() == [ONE]
