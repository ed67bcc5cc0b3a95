"""`shipway serve` as a process: where it listens, its sign of life, what it bounds and how it ends."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runners.process import Beat
from tests.web.running import pour

CONFIG = {
    "server": {"listen": "127.0.0.1:9", "data": "data", "redis": "redis://127.0.0.1:9/0"},  # --fd goes first
    "registry": {"address": "127.0.0.1:5000"},
}


class Serving:
    """With a listening socket and a beat from its parent, as under the supervisor."""

    def __init__(self, folder: Path) -> None:
        (folder / "shipway.yml").write_text(json.dumps(CONFIG))
        self.beat = folder / "server.beat"
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            words = ["--config", str(folder / "shipway.yml"), "serve", "--beat", str(self.beat)]
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "pipeline.cli", *words, "--fd", str(listener.fileno())],
                pass_fds=(listener.fileno(),),
                stderr=subprocess.PIPE,
                cwd=folder,
                env={name: value for name, value in os.environ.items() if not name.startswith("SHIPWAY_")},
            )

    def healthy(self) -> bool:
        """The socket is open from the first moment: a request waits for the server."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        finally:
            connection.close()


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    made = Serving(tmp_path)
    with made.process:
        yield made
        made.process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_a_clean_end(serving: Serving, number: signal.Signals) -> None:
    assert serving.healthy()

    serving.process.send_signal(number)

    assert serving.process.wait(10) == 0


def test_signs_of_life_come_from_the_loop(serving: Serving) -> None:
    assert serving.healthy()
    first = Beat(str(serving.beat)).last()

    until = time.monotonic() + 10
    while Beat(str(serving.beat)).last() == first and time.monotonic() < until:
        time.sleep(0.05)

    assert Beat(str(serving.beat)).last() != first


def test_a_head_without_end_is_cut_off(serving: Serving) -> None:
    assert serving.healthy()
    with socket.create_connection(("127.0.0.1", serving.port), timeout=20) as wire:
        wire.sendall(b"GET / HTTP/1.1\r\nX-Long: ")
        answer = pour(wire, b"x" * 65536, 64)

    assert answer.startswith(b"HTTP/1.1 400 ") or answer == b""
