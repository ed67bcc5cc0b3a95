"""The server as a process of its own, asked to end."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.running import eventually

PROGRAM = """
import socket, sys
from pathlib import Path
from pipeline.web.serve import serve
from pipeline.web.asgi import create_asgi
from flask import Flask
from prometheus_client import CollectorRegistry
from pipeline.web.metrics import Figures
import time
app = Flask("x")
app.extensions["shipway.figures"] = Figures(None)
app.add_url_rule("/slow", "slow", view_func=lambda: time.sleep(60) or "")
app.add_url_rule("/quick", "quick", view_func=lambda: "quick")
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
serve(create_asgi(app, None), listener)
print("clean", flush=True)
"""


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    root = Path(__file__).parents[2]
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    with child:
        yield child
        child.kill()


def test_a_signal_ends_the_process_cleanly(process):
    port = int(process.stdout.readline())
    assert eventually(lambda: _quick(port) == b"quick")

    process.send_signal(signal.SIGTERM)

    assert process.wait(5) == 0
    assert process.stdout.read() == "clean\n"


def test_a_request_that_does_not_end_does_not_keep_the_process(process):
    port = int(process.stdout.readline())
    assert eventually(lambda: _quick(port) == b"quick")
    with socket.create_connection(("127.0.0.1", port)) as wire:
        wire.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert eventually(lambda: _quick(port) == b"quick")

        process.send_signal(signal.SIGTERM)

        assert process.wait(5) == 0


def _quick(port: int) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/quick")
        return connection.getresponse().read()
    finally:
        connection.close()
