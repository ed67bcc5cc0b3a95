"""What changes a proxy carries a fence: the host itself refuses who slept through a newer switch."""

import http.server
import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.errors import Outdated, Unreachable
from pipeline.fleet.host import Host
from pipeline.fleet.proxy import Site
from runners.agents.agent import Agent, Fences
from runners.agents.stream import Loop, Stream
from runners.engine_errors import speaking
from runners.reach import Reach
from tests.parts.agents import call, everything
from tests.runners.agents.ground import Ground

SITE = Site("front", "web-9")
HOST = Host("web-9", "agent:web-9", "10.0.0.9")


class _Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b'{"ApiVersion": "1.41", "MinAPIVersion": "1.12"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "agent"

    def log_message(self, *_: object) -> None:
        """Quiet."""


class _Engine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Path]:
    with _Engine(str(tmp_path / "docker.sock"), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield tmp_path / "docker.sock"
        server.shutdown()
        thread.join()


@pytest.fixture
def reach(ground: Ground) -> Iterator[Reach]:
    made = Reach(str(ground.door.data))
    yield made
    made.close()


def switch(reach: Reach, generation: int) -> None:
    with reach.fenced(HOST, SITE, generation) as client, speaking(HOST, "switch"):
        client.version()


def test_lower_generation_than_was_seen_is_refused_with_the_one_that_stands(ground, engine, reach):
    ground.agent(engine)
    ground.door.connected()
    switch(reach, 7)
    switch(reach, 7)

    with pytest.raises(
        Outdated, match="front@web-9: it has generation 7, and this was generation 6"
    ) as refusal:
        switch(reach, 6)

    assert refusal.value.running == 7


def test_sites_and_what_changes_no_proxy_are_not_fenced(ground, engine, reach):
    ground.agent(engine)
    ground.door.connected()
    switch(reach, 7)

    with reach.fenced(HOST, Site("other", "web-9"), 1) as client:
        assert client.version()
    assert reach.client(HOST).version()


def test_agent_that_was_started_again_remembers(ground, engine, reach):
    agent = ground.agent(engine)
    ground.door.connected()
    switch(reach, 7)
    agent.stop(kill=True)
    ground.door.away()
    agent.start()
    ground.door.connected()

    with pytest.raises(Outdated):
        switch(reach, 6)


def test_newer_switch_ends_what_an_older_one_has_begun(ground):
    path = ground.connected()
    with call(path) as older, call(path) as newer, call(path) as other:
        older.sendall(b"FENCE front@web-9 6\nbegun")
        assert older.recv(5) == b"begun"
        other.sendall(b"FENCE back@web-9 1\nx")
        assert other.recv(1) == b"x"
        newer.sendall(b"FENCE front@web-9 7\nx")
        assert newer.recv(1) == b"x"

        assert everything(older) == b""
        other.sendall(b"y")
        assert other.recv(1) == b"y"


def test_fence_that_comes_in_pieces_is_one(tmp_path):
    with call_of(tmp_path / "engine.sock") as listener:
        agent = Agent(str(tmp_path / "engine.sock"), Fences(str(tmp_path / "fences")))
        cable = SimpleNamespace(streams={}, send=lambda *_: None, drop=lambda _: None, loop=Loop())
        stream = Stream(cable, 1)
        for piece in (b"F", b"ENCE front@web-9", b" 6", b"\nhel"):
            assert stream.near is None
            stream.arrived(piece)
            agent.begin(stream)
        line, _ = listener.accept()
        said = line.recv(10)
        line.close()
        cable.loop.close()

    assert (said, stream.fence) == (b"hel", ("front@web-9", 6))


def call_of(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener


@pytest.mark.parametrize(
    "fence", [b"FENCE x y\n", b"FENCE a b c d\n", b"FENCE ../x 1\n", b"F" * 400, b"FENCE x -1\n"]
)
def test_fence_that_is_not_understood_reaches_no_engine(ground, fence: bytes):
    with call(ground.connected()) as line:
        line.sendall(fence)
        head, _, body = everything(line).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ")
    assert "same version" in json.loads(body)["message"]


def test_fence_that_cannot_be_remembered_is_no_fence(ground):
    agent = ground.agent(ground.engine().path)
    path = ground.door.connected()
    (agent.folder / "fences.new").mkdir()
    with call(path) as line:
        line.sendall(b"FENCE front@web-9 6\nx")
        said = everything(line)

    assert said.startswith(b"HTTP/1.1 503 ")
    assert b"cannot remember a fence: Is a directory" in said


def test_agent_that_is_away_is_told_with_since_when_and_what_to_do(ground, engine, reach):
    agent = ground.agent(engine)
    ground.door.connected()
    reach.client(HOST)
    agent.stop()
    ground.door.away()

    with pytest.raises(
        Unreachable, match=r"web-9: its agent is away since 2.*was stopped on the host.*systemctl"
    ):
        reach.client(HOST)


def test_agent_that_never_came_is_told(reach):
    with pytest.raises(Unreachable, match="web-9: its agent never connected here"):
        reach.client(HOST)
