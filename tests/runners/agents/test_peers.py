"""An engine whose agent is connected to another machine: real cables, programs and certificates, all on this one."""

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import Unreachable
from pipeline.fleet.agent import AgentSeen
from pipeline.fleet.host import Host
from runners.agents.peers import NoCable, Peers
from runners.agents.roads import AgentRoads
from tests.parts.agents import Door, everything, until
from tests.parts.peers import NOW, OtherMachine, PeerDoor
from tests.runners.agents.ground import QUIET, Ground

WEB_9 = Host("web-9", "agent:web-9", "10.0.0.9")


@pytest.fixture
def near_door(ground: Ground) -> Iterator[PeerDoor]:
    made = PeerDoor(ground.folder, ground.door.hub)
    yield made
    made.close()


@pytest.fixture
def other(near_door: PeerDoor) -> Iterator[OtherMachine]:
    made = OtherMachine(near_door, quiet=QUIET)
    yield made
    made.peers.close()


@pytest.fixture
def roads(other: OtherMachine, tmp_path: Path) -> AgentRoads:
    """Of the other machine, where no agent is connected."""
    return AgentRoads(str(tmp_path / "other"), other.peers)


def said(line: socket.socket, words: bytes) -> bytes:
    with line:
        line.settimeout(10)
        line.sendall(words)
        line.shutdown(socket.SHUT_WR)
        return everything(line)


def test_engine_is_reached_over_the_machine_where_its_agent_is_connected(ground: Ground, roads: AgentRoads):
    ground.connected()

    roads.demand(WEB_9)

    assert said(roads.open(WEB_9), b"hello") == b"hello"


def test_all_connections_to_a_host_go_by_one_call(ground: Ground, roads: AgentRoads, other: OtherMachine):
    ground.connected()
    big = os.urandom(3_000_000)
    answers: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: answers.append(said(roads.open(WEB_9), b"hello"))) for _ in range(20)
    ]
    with roads.open(WEB_9) as first:
        first.settimeout(20)
        pusher = threading.Thread(target=lambda: (first.sendall(big), first.shutdown(socket.SHUT_WR)))
        for thread in (*threads, pusher):
            thread.start()
        back = everything(first)
        for thread in (*threads, pusher):
            thread.join()

    assert back == big
    assert answers == [b"hello"] * 20
    assert other.calls == 1


def test_fence_is_the_agents_business_on_this_road_too(ground: Ground, roads: AgentRoads):
    ground.connected()

    first = said(roads.open(WEB_9), b"FENCE front@web-9 7\nswitch")
    second = said(roads.open(WEB_9), b"FENCE front@web-9 6\nswitch")

    assert first == b"switch"
    assert second.startswith(b"HTTP/1.1 412 ")
    assert b"it has generation 7" in second


def test_when_the_agent_goes_calls_end_and_the_next_one_says_why(
    ground: Ground, roads: AgentRoads, other: OtherMachine
):
    ground.connected()
    with roads.open(WEB_9) as line:
        line.settimeout(10)
        line.sendall(b"hello")
        assert line.recv(5) == b"hello"
        ground.agents[0].stop()
        with suppress(ConnectionResetError):
            assert line.recv(5) == b""
    gone = AgentSeen(False, NOW, "10.0.0.9:5", "it was stopped on the host", "ship-1")
    other.books.ends["web-9"] = replace(other.books.ends["web-9"], seen=gone)

    with pytest.raises(
        Unreachable, match=r"Host web-9: its agent is away since .*it was stopped on the host"
    ):
        until_raised(roads)


def until_raised(roads: AgentRoads) -> None:
    """The end of a cable is heard a moment later."""
    for _ in range(500):
        roads.demand(WEB_9)
        threading.Event().wait(0.01)


def test_agent_that_comes_to_this_machine_is_called_here_at_once(
    ground: Ground, roads: AgentRoads, other: OtherMachine, tmp_path: Path
):
    """Its old cable may still look alive over there: nobody asks."""
    engine = ground.engine()
    ground.agent(engine.path)
    ground.door.connected()
    roads.demand(WEB_9)
    here = Door(ground.keys, tmp_path / "other", quiet=QUIET)
    ground.agents[0].stop()
    ground.agents[0].environment["SHIPWAY_AGENT_CONTROLLERS"] = here.place
    ground.agents[0].start()
    here.connected()
    asked = other.books.asked

    answer = said(roads.open(WEB_9), b"hello")
    here.close()

    assert answer == b"hello"
    assert other.books.asked == asked


def test_socket_that_a_killed_door_left_here_is_in_nobodys_way(
    ground: Ground, roads: AgentRoads, tmp_path: Path
):
    ground.connected()
    folder = tmp_path / "other"
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(folder / "web-9.sock"))

    assert said(roads.open(WEB_9), b"hello") == b"hello"


def test_machine_that_falls_silent_is_noticed(ground: Ground, other: OtherMachine):
    """Its kernel answers still: only the sign of life is missing."""
    ground.connected()
    other.peers.demand("web-9")
    loop, go = ground.door.hub._loop, threading.Event()
    turn = loop.turn
    loop.turn = lambda seconds: (go.wait(30), turn(seconds))  # type: ignore[method-assign,func-returns-value]
    try:
        until(lambda: not other.peers._kept["web-9"].alive, QUIET * 5, "nobody noticed")
    finally:
        loop.turn = turn  # type: ignore[method-assign]
        go.set()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"alive": False}, "was connected to ship-1, which gives no sign of life"),
        ({"place": ""}, "knows no address of its own; set enrolment.peers.address there"),
        ({"machine": "b"}, "the door on this machine, which does not run"),
        (
            {"place": "127.0.0.1:1"},
            "whose door at 127.0.0.1:1 cannot be called from here: Connection refused",
        ),
        ({"seen": AgentSeen(False, NOW, "", "it was stopped on the host")}, "is away since"),
        ({}, "it answered .*404 Not Found.*The agent of web-9 is not connected here"),
    ],
)
def test_engine_that_cannot_be_reached_is_a_sentence(
    roads: AgentRoads, other: OtherMachine, change: dict[str, object], words: str
):
    """No agent is connected there in any case."""
    other.books.ends["web-9"] = replace(other.books.ends["web-9"], **change)  # type: ignore[arg-type]

    with pytest.raises(Unreachable, match=rf"Host web-9: its agent .*{words}.*`shipway hosts` tells"):
        roads.demand(WEB_9)


def test_host_that_never_connected_anywhere_is_said(roads: AgentRoads):
    with pytest.raises(Unreachable, match="its agent never connected to any machine of this control plane"):
        roads.demand(replace(WEB_9, engine="agent:lost"))


def test_machine_that_just_failed_is_not_called_again_at_once(roads: AgentRoads, other: OtherMachine):
    other.books.ends["web-9"] = replace(other.books.ends["web-9"], place="127.0.0.1:1")

    for _ in range(5):
        with pytest.raises(Unreachable):
            roads.demand(WEB_9)

    assert other.books.asked == 1


def test_what_is_seen_of_an_agent_names_the_machine_where_it_is(roads: AgentRoads, other: OtherMachine):
    there = AgentSeen(True, NOW, "10.0.0.9:5", at="ship-1")
    other.books.ends["web-9"] = replace(other.books.ends["web-9"], seen=there)

    seen = roads.seen("web-9")

    assert seen is not None
    assert seen.said == "connected since 2026-03-01 12:00:00 UTC, from 10.0.0.9:5, at ship-1"


def test_agent_at_a_machine_that_died_is_not_shown_as_connected(roads: AgentRoads, other: OtherMachine):
    other.books.ends["web-9"] = replace(other.books.ends["web-9"], alive=False)

    seen = roads.seen("web-9")

    assert seen is not None
    assert seen.said.endswith("last error: ship-1 gives no sign of life")


def test_a_fork_calls_by_itself_and_leaves_its_parents_cable_alone(
    ground: Ground, roads: AgentRoads, other: OtherMachine
):
    ground.connected()
    assert said(roads.open(WEB_9), b"before") == b"before"
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, said(roads.open(WEB_9), b"child"))
            other.peers.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    answer = os.read(reader, 100)
    os.close(reader)
    os.close(writer)

    assert answer == b"child"
    assert said(roads.open(WEB_9), b"after") == b"after"
    assert other.calls == 1


def test_who_shows_another_authoritys_certificate_is_not_our_machine(
    ground: Ground, other: OtherMachine, near_door: PeerDoor, tmp_path: Path
):
    """Either way: it does not get in, and is not believed."""
    ground.connected()
    stranger = PeerDoor(tmp_path / "stranger", ground.door.hub)
    lost = Peers(other.books, lambda: "b", stranger.context)
    other.books.ends["web-8"] = stranger.end("web-8")
    try:
        with pytest.raises(NoCable, match="certificate verify failed"):
            lost.open("web-9")
        with pytest.raises(NoCable, match="certificate verify failed"):
            other.peers.open("web-8")
    finally:
        stranger.close()
        shutil.rmtree(tmp_path / "stranger")
