"""The door for other machines over real TLS: only what our authority for controllers signed for a caller gets in, and a bad
guest ends nobody else's visit."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runners.agents.hub import Hub
from runners.agents.peers import REQUEST, SERVER_NAME
from runners.authority import HOSTS, Authority, Usage, founded, key_pem, new_key, pem
from tests.enrolment.ground import Kept
from tests.parts.peers import PeerDoor

UPGRADE = "Upgrade: shipway-peer\r\nConnection: Upgrade\r\n"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[PeerDoor]:
    hub = Hub(str(tmp_path / "agents"))
    hub.start()
    made = PeerDoor(tmp_path, hub)
    yield made
    made.close()
    hub.close()


def get(path: str, more: str = UPGRADE) -> str:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n"


def say(door: PeerDoor, text: str, context: ssl.SSLContext | None = None) -> str:
    """The whole answer; raises when it is cut off."""
    host, _, port = door.place.rpartition(":")
    raw = socket.create_connection((host, int(port)), 10)
    with (context or door.context()).wrap_socket(raw, server_hostname=SERVER_NAME) as line:
        line.sendall(text.encode())
        got = b""
        while more := line.recv(4096):
            got += more
        return got.decode()


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("nonsense\r\n\r\n", 400),
        (get("/peer/web-9"), 404),
        (get("/peer/web-9", ""), 426),
        (get("/peer/web-9", UPGRADE.replace("shipway-peer", "shipway-agent")), 426),
        (get("/peer/"), 404),
        (get("/peer/../web-9"), 404),
        (get("/peer/web-9/../../x"), 404),
        (get("/peer/WEB-9"), 404),
        (get("/peer/" + "a" * 42), 404),
        (get("/peer/web-9%00"), 404),
        (get("/agent", UPGRADE.replace("shipway-peer", "shipway-agent")), 404),
        (get("/ca.pem", ""), 404),
        ("POST /enrol HTTP/1.1\r\nContent-Length: 7\r\n\r\ntoken=x", 404),
        ("POST /peer/web-9 HTTP/1.1\r\nContent-Length: 999999\r\n\r\n", 413),
        ("GET /peer/web-9 HTTP/1.1\r\nA: " + "x" * 20000, 431),
    ],
)
def test_bad_guest_gets_a_status_and_the_next_one_is_served(door, text, status):
    assert say(door, text).startswith(f"HTTP/1.1 {status} ")
    assert "The agent of web-9 is not connected here" in say(door, get("/peer/web-9"))


def test_request_of_ours_is_one_that_this_door_understands(door):
    answer = say(door, REQUEST.format("web-9", door.place, "shipway-peer"))

    assert "The agent of web-9 is not connected here" in answer


def impostors(door: PeerDoor) -> dict[str, str]:
    key, hosts = new_key(), Authority(HOSTS, Kept())
    public = key.public_key()
    own, own_key = founded("shipway-controllers", datetime.now(UTC))
    shown = {
        "nobody": "",
        "a host": pem(hosts.issue(public, "web-9", (), Usage.CLIENT)),
        "an engine of a host": pem(hosts.issue(public, "web-9", ("127.0.0.1",), Usage.SERVER)),
        "a door for peers": pem(door.controllers.issue(public, "shipway-door", (SERVER_NAME,), Usage.SERVER)),
        "who ended": pem(door.controllers.issue(public, "shipway-controller", (), Usage.CLIENT, -0.001)),
    }
    texts = {name: text + key_pem(key) for name, text in shown.items()}
    return {**texts, "its own authority": own + own_key}


WHO = ["nobody", "a host", "an engine of a host", "a door for peers", "who ended", "its own authority"]


@pytest.mark.parametrize("who", WHO)
def test_certificate_that_is_no_controllers_gets_nowhere(door, tmp_path, who):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=door.controllers.pem)
    file = tmp_path / "shown.pem"
    file.write_text(impostors(door)[who])
    if who != "nobody":
        context.load_cert_chain(file)

    with pytest.raises((ssl.SSLError, ConnectionError)):
        say(door, get("/peer/web-9"), context)
    assert "is not connected here" in say(door, get("/peer/web-9"))


@pytest.mark.parametrize("usage", [Usage.CLIENT, Usage.SERVER])
def test_caller_believes_no_door_that_shows_what_is_not_for_it(door, usage, tmp_path):
    """A controller's own certificate is no door's, nor is one for another name."""
    key = new_key()
    names = (SERVER_NAME,) if usage is Usage.CLIENT else ("127.0.0.1",)
    shown = door.controllers.issue(key.public_key(), "shipway-controller", names, usage)
    (tmp_path / "shown.pem").write_text(pem(shown) + key_pem(key))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "shown.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=greet, args=(listener, server))
        thread.start()
        raw = socket.create_connection(listener.getsockname(), 10)
        with raw, pytest.raises(ssl.SSLCertVerificationError):
            door.context().wrap_socket(raw, server_hostname=SERVER_NAME)
        thread.join()


def greet(listener: socket.socket, server: ssl.SSLContext) -> None:
    line, _ = listener.accept()
    with line, suppress(OSError):
        server.wrap_socket(line, server_side=True)


def test_guest_who_says_nothing_keeps_nobody_waiting(door):
    host, _, port = door.place.rpartition(":")
    silent = [socket.create_connection((host, int(port)), 10) for _ in range(20)]

    assert "is not connected here" in say(door, get("/peer/web-9"))
    for line in silent:
        line.close()
