"""The probe from here, against a small server: words, statuses, and what is not well. From proxies: tests/live/test_probe.py."""

import http.server
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.fleet.host import Host
from pipeline.fleet.proxy import Proxy, ProxyKind
from pipeline.rollout.observed import Sample
from pipeline.rollout.release import HealthCheck, HealthKind
from runners.probe import ReplicaProbe
from runners.reach import Reach

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HTTP = HealthCheck(HealthKind.HTTP, path="/healthz", timeout=1.0)
NO_ENGINE = Host("web-1", "unix:///no/such/engine.sock", "127.0.0.1")
SITE = (Proxy("front", ProxyKind.HAPROXY, "haproxy:3.2"), NO_ENGINE)


class _Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = {
            "/healthz": (200, f"well at {self.headers['Host']}"),
            "/starting": (503, "x" * 500),
            "/moved": (302, ""),
            "/broken": (500, "boom"),
        }.get(self.path, (404, self.path))
        self.send_response(status)
        self.send_header("Location", "/healthz")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def address() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def probe() -> Iterator[ReplicaProbe]:
    reach = Reach()
    yield ReplicaProbe(reach, lambda: NOW)
    reach.close()


def sample(probe: ReplicaProbe, address: str, **check) -> Sample:
    return probe.sample(NO_ENGINE, None, "c1", address, replace(HTTP, **check))


def test_good_answer_is_told_with_status_and_body(probe: ReplicaProbe, address: str):
    said = f"GET /healthz answered 200 'well at {address}'"

    assert sample(probe, address) == Sample("c1", NOW, True, said)


def test_host_header_is_the_domain_when_there_is_one(probe: ReplicaProbe, address: str):
    assert "well at shop.example.com" in sample(probe, address, host="shop.example.com").note


def test_other_status_is_not_ok_and_its_body_is_cut(probe: ReplicaProbe, address: str):
    found = sample(probe, address, path="/starting")

    assert not found.ok
    assert found.note == f"GET /starting answered 503 '{'x' * 100}'"


def test_redirect_is_not_followed(probe: ReplicaProbe, address: str):
    assert sample(probe, address, path="/moved").note.startswith("GET /moved answered 302")
    assert sample(probe, address, path="/moved", status=302).ok


def test_path_cannot_carry_a_header(probe: ReplicaProbe, address: str):
    assert (
        sample(probe, address, path="/a b\r\nHost: evil").note
        == "GET /a%20b%0D%0AHost:%20evil answered 404 '/a%20b%0D%0AHost:%20evil'"
    )


@pytest.mark.parametrize("kind", [HealthKind.HTTP, HealthKind.TCP])
def test_refused_connection_is_a_sample_that_was_asked(probe: ReplicaProbe, kind: HealthKind):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    found = sample(probe, f"127.0.0.1:{port}", kind=kind)

    assert (found.ok, found.asked) == (False, True)
    assert "connection refused" in found.note


def test_silence_ends_with_the_timeout(probe: ReplicaProbe):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = sample(probe, f"127.0.0.1:{silent.getsockname()[1]}", timeout=0.2)

    assert (found.ok, found.note) == (False, "GET /healthz: no answer within 0.2 s")


def test_tcp_port_that_stays_open_is_well(probe: ReplicaProbe):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert sample(probe, f"127.0.0.1:{silent.getsockname()[1]}", kind=HealthKind.TCP).ok


def test_tcp_port_that_closes_at_once_is_not(probe: ReplicaProbe):
    with socket.create_server(("127.0.0.1", 0)) as slammer:
        door = threading.Thread(target=lambda: slammer.accept()[0].close())
        door.start()
        found = sample(probe, f"127.0.0.1:{slammer.getsockname()[1]}", kind=HealthKind.TCP)
        door.join()

    assert (found.ok, found.note.endswith("closed at once")) == (False, True)


def test_something_that_is_not_http_is_said(probe: ReplicaProbe):
    with socket.create_server(("127.0.0.1", 0)) as odd:

        def answer() -> None:
            line = odd.accept()[0]
            with line:
                line.recv(1000)
                line.sendall(b"-ERR unknown command\r\n")

        door = threading.Thread(target=answer)
        door.start()
        found = sample(probe, f"127.0.0.1:{odd.getsockname()[1]}")
        door.join()

    assert found.note == "GET /healthz: an answer that is not HTTP"


def test_smoke_is_ok_below_500_and_ends_at_the_first_that_fails(probe: ReplicaProbe, address: str):
    def smoke(*paths: str) -> Sample:
        return probe.smoke(NO_ENGINE, None, "c1", address, replace(HTTP, smoke=paths))

    assert smoke("/healthz", "/nothing").ok
    assert smoke("/healthz", "/broken", "/nothing").note == "GET /broken answered 500 'boom'"
    assert smoke().ok


def test_proxy_that_cannot_be_asked_is_no_excuse_when_the_replica_answers_from_here(
    probe: ReplicaProbe, address: str
):
    found = probe.sample(NO_ENGINE, SITE, "c1", address, HTTP)

    assert (found.ok, found.asked) == (True, True)


@pytest.mark.parametrize("kind", list(HealthKind))
def test_replica_that_cannot_be_asked_from_anywhere_was_not_asked(probe: ReplicaProbe, kind: HealthKind):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    found = probe.sample(NO_ENGINE, SITE, "c1", f"127.0.0.1:{port}", replace(HTTP, kind=kind))

    assert (found.ok, found.asked) == (False, False)
    assert "engine" in found.note


def test_host_that_dials_out_and_has_no_proxy_is_told_from_where_it_was_asked(probe: ReplicaProbe):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    behind = replace(NO_ENGINE, engine="agent:web-9")

    found = probe.sample(behind, None, "c1", f"127.0.0.1:{port}", HTTP)

    assert found.note.endswith("give the environment a proxy, or the image a HEALTHCHECK)")
