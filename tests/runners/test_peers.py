"""What a machine tells the others of itself, and that one alone opens and tells nothing."""

import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.commands.peering import Alone, AmongOthers, peer_side
from pipeline.enrolment.doorway import Doorway
from pipeline.errors import Conflict, Unreachable
from pipeline.settings import Server
from runners.peers import door_here, own_address, peers_of

DOORWAY = Doorway("0.0.0.0:8443", ("ship-1.example.com", "ship-2.example.com"))
REDIS = "redis://:secret@127.0.0.1:6379/0"


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(data=str(tmp_path), redis=REDIS)


def books(shared: bool) -> SimpleNamespace:
    return SimpleNamespace(shared=shared, cables=None, authorities=None)


@pytest.mark.parametrize("redis", [REDIS, "unix:///run/redis.sock", "redis://[::1]:6379", ""])
def test_redis_on_this_very_machine_tells_no_address_for_others(redis):
    assert own_address(redis) == ""


def test_redis_that_has_no_address_is_a_sentence():
    with pytest.raises(
        Unreachable, match=r"no way to Redis at redis\.invalid.*Set enrolment\.peers\.address"
    ):
        own_address("rediss://:secret@redis.invalid:6380/0")


@pytest.mark.parametrize(
    ("address", "place"),
    [("", ""), ("10.0.0.11", "10.0.0.11:8444"), ("fd00::1", "[fd00::1]:8444"), ("ship-1", "ship-1:8444")],
)
def test_address_of_the_file_is_told_to_the_others(server: Server, address: str, place: str):
    assert door_here(server, Doorway("0.0.0.0:8443", ("x",), address)).place == place


@pytest.mark.parametrize(("shared", "redis"), [(False, REDIS), (True, "")])
def test_one_machine_alone_calls_and_tells_nobody(tmp_path: Path, shared: bool, redis: str):
    """SQLite, or a Redis of its own."""
    server = Server(data=str(tmp_path), redis=redis)
    settings = SimpleNamespace(server=server, enrolment=DOORWAY)

    assert peers_of(server, books(shared), None) is None
    assert isinstance(peer_side(settings, books(shared)), Alone)
    assert list(tmp_path.iterdir()) == []


def test_port_of_another_program_is_a_sentence(server: Server):
    with socket.create_server(("0.0.0.0", 0)) as other:
        doorway = Doorway("0.0.0.0:8443", ("x",), "127.0.0.1", other.getsockname()[1])
        with pytest.raises(Conflict, match=r"set enrolment\.peers\.port to another port"):
            AmongOthers(SimpleNamespace(server=server), doorway, books(True))
