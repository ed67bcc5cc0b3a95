"""The door over real TLS on loopback: who is believed, what is refused, and that one bad guest ends nobody else's visit."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.door import answers
from pipeline.enrolment.enrol import arrive, enrol, host_of, revoke
from pipeline.enrolment.invitation import Via
from pipeline.enrolment.invite import invite
from runners.authority import HOSTS, Authority, Usage, founded, key_pem, new_key, pem
from runners.door.identity import DoorIdentity
from runners.door.limit import REFUSALS, Refusals
from runners.door.listener import Door
from tests.enrolment.conftest import desk, hands, store  # noqa: F401 fixtures
from tests.enrolment.ground import SEEN, Kept, request_of, serial_of

UPGRADE = "Upgrade: shipway-agent\r\nConnection: Upgrade\r\n"


@pytest.fixture
def agents() -> list[tuple[ssl.SSLSocket, str]]:
    return []


@pytest.fixture
def port(desk, store, agents) -> Iterator[int]:  # noqa: F811
    listener = socket.create_server(("127.0.0.1", 0))
    identity = DoorIdentity(Authority(HOSTS, store.authorities), ["127.0.0.1"])
    door = Door(
        listener,
        identity,
        answers(desk, Refusals()),
        lambda asked: host_of(asked.serial, desk),
        lambda line, host: agents.append((line, host)),
    )
    serving = threading.Thread(target=door.serve)
    serving.start()
    yield listener.getsockname()[1]
    door.end()
    serving.join(10)
    listener.close()
    for line, _ in agents:
        line.close()
    assert not serving.is_alive()


@pytest.fixture
def joined(desk, tmp_path: Path):  # noqa: F811
    """(file with its certificate and key, its papers)"""
    key, token = new_key(), invite(desk, {}, via=Via.TLS)
    papers = enrol(token, request_of(key), SEEN, desk)
    arrive(serial_of(papers.client), token, SEEN, desk)
    return written(tmp_path / "client.pem", papers.client + key_pem(key)), papers, key


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def say(port: int, ca: str, text: str, shown: Path | None = None) -> str:
    """The whole answer; empty when the line was cut."""
    with line_to(port, ca, shown) as line:
        line.sendall(text.encode())
        got = b""
        while more := line.recv(4096):
            got += more
        return got.decode()


def line_to(port: int, ca: str, shown: Path | None = None) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=ca)
    if shown is not None:
        context.load_cert_chain(shown)
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10), server_hostname="127.0.0.1")


def post(path: str, body: str) -> str:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}"


def get(path: str, more: str = "") -> str:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n"


def test_anybody_gets_the_script_over_tls_of_our_authority(port, desk):  # noqa: F811
    answer = say(port, desk.signer.hosts, get("/enrol.sh"))

    assert answer.startswith("HTTP/1.1 200 OK\r\n")
    assert "DOORS='127.0.0.1:8443'" in answer


def test_who_pinned_another_authority_does_not_talk_to_us(port):
    other, _ = founded("other", datetime.now(UTC))

    with pytest.raises(ssl.SSLCertVerificationError):
        say(port, other, get("/enrol.sh"))


def test_plain_http_gets_no_answer(port):
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        line.sendall(get("/enrol.sh").encode())
        with suppress(ConnectionResetError):
            assert line.recv(4096).startswith(b"\x15")  # an alert of TLS


def test_unknown_token_is_a_sentence(port, desk):  # noqa: F811
    answer = say(port, desk.signer.hosts, post("/enrol", "token=x&request=" + "y"))

    assert answer.startswith("HTTP/1.1 400 Bad Request")
    assert "no request for a certificate" in answer


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("nonsense\r\n\r\n", 400),
        (get("/nowhere"), 404),
        ("DELETE /enrol HTTP/1.1\r\n\r\n", 404),
        ("POST /enrol HTTP/1.1\r\nContent-Length: 999999\r\n\r\n", 413),
        ("POST /enrol HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        ("POST /enrol HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        ("POST /enrol HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12", 400),
        ("GET /enrol.sh HTTP/1.1\r\nContent-Length: 0\r\n\r\nGET /x HTTP/1.1\r\n\r\n", 400),
        ("GET /" + "x" * 300 + " HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nA: " + "x" * 20000, 431),
        (post("/enrol", "token=%00"), 400),
        (post("/enrol", "token"), 400),
        (get("/agent"), 426),
        (get("/agent", UPGRADE), 403),
        (post("/renew", "request=x"), 403),
    ],
)
def test_bad_guest_gets_a_status_and_the_next_one_is_served(port, desk, text, status):  # noqa: F811
    assert say(port, desk.signer.hosts, text).startswith(f"HTTP/1.1 {status} ")
    assert say(port, desk.signer.hosts, get("/ca.pem")).endswith("-----END CERTIFICATE-----\n")


def test_host_renews_by_its_certificate(port, desk, joined):  # noqa: F811
    shown, _, key = joined
    body = "request=" + request_of(key).replace("+", "%2B").replace("\n", "%0A").replace("=", "%3D")

    answer = say(port, desk.signer.hosts, post("/renew", body), shown)

    assert answer.startswith("HTTP/1.1 200 ")
    assert [line for line in answer.splitlines() if line.startswith("== ")] == [
        "== facts",
        "== client.pem",
        "== server.pem",
        "== ca.pem",
        "== controllers.pem",
    ]


def test_agent_with_a_good_certificate_is_handed_on(port, desk, joined, agents):  # noqa: F811
    with line_to(port, desk.signer.hosts, joined[0]) as line:
        line.sendall(get("/agent", UPGRADE).encode())
        assert line.recv(4096).startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
        while not agents:  # it is handed on by another thread, after its answer
            threading.Event().wait(0.01)
        agents[0][0].sendall(b"hello")
        assert line.recv(5) == b"hello"

    assert agents[0][1] == "web-7"


def test_revoked_certificate_is_refused_at_the_door(port, desk, joined):  # noqa: F811
    revoke("web-7", "mia", desk)

    answer = say(port, desk.signer.hosts, get("/agent", UPGRADE), joined[0])

    assert answer.startswith("HTTP/1.1 403 ")
    assert "revoked" in answer


def impostors(key: str, server: str) -> dict[str, str]:
    """Certificates that a client must not get in with."""
    other, ours = Authority(HOSTS, Kept()), new_key()
    foreign = other.issue(ours.public_key(), "web-7", (), Usage.CLIENT)
    own, own_key = founded("web-7", datetime.now(UTC))
    return {
        "another authority's": pem(foreign) + key_pem(ours),
        "its own": own + own_key,
        "its engine's": server + key,
    }


@pytest.mark.parametrize("who", ["another authority's", "its own", "its engine's"])
def test_certificate_that_is_not_a_hosts_gets_nowhere(port, desk, joined, tmp_path, agents, who):  # noqa: F811
    shown = written(tmp_path / "bad.pem", impostors(key_pem(joined[2]), joined[1].server)[who])

    with pytest.raises((ssl.SSLError, ConnectionError)):
        say(port, desk.signer.hosts, get("/agent", UPGRADE), shown)
    assert agents == []


def test_who_was_refused_too_often_waits(port, desk):  # noqa: F811
    for _ in range(REFUSALS):
        say(port, desk.signer.hosts, get("/nowhere"))

    answer = say(port, desk.signer.hosts, get("/ca.pem"))

    assert answer.startswith("HTTP/1.1 429 ")


def test_guest_who_says_nothing_keeps_nobody_waiting(port, desk):  # noqa: F811
    silent = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(20)]

    assert "200 OK" in say(port, desk.signer.hosts, get("/ca.pem"))
    for line in silent:
        line.close()


def test_refusals_are_forgotten_in_time():
    now = [0.0]
    refusals = Refusals(lambda: now[0])
    for _ in range(REFUSALS):
        refusals.note("10.0.0.1")

    assert refusals.wait("10.0.0.1") > 0
    assert refusals.wait("10.0.0.2") == 0
    now[0] += 601
    assert refusals.wait("10.0.0.1") == 0
