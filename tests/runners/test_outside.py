"""Looks at a region at its own address, under the entrance's name, with its certificate verified."""

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.entrances.entrance import Region
from runners.outside import FromHere
from tests.lab.commands import run

NAME = "shop.example.com"
HZ = Region("hz", "203.0.113.10")


class Site(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = status
        self.asked: list[tuple[str, str]] = []

    def url(self, name: str = NAME, scheme: str = "http") -> str:
        return f"{scheme}://{name}:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not trust us is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.asked.append((self.headers["Host"], self.path))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.send_header("Location", "https://elsewhere.example.com/")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}).start()
    yield made
    made.shutdown()
    made.server_close()


def test_the_address_is_asked_under_the_name(site: Site):
    assert FromHere().look(f"{site.url()}/healthz?deep=1", "127.0.0.1", 2) == ""
    assert site.asked == [(f"{NAME}:{site.server_address[1]}", "/healthz?deep=1")]


@pytest.mark.parametrize(
    ("status", "said"), [(302, ""), (404, "127.0.0.1 answered 404"), (503, "127.0.0.1 answered 503")]
)
def test_what_it_answered_is_told_and_a_redirect_is_not_followed(site: Site, status: int, said: str):
    site.status = status

    assert FromHere().look(site.url(), "127.0.0.1", 2) == said
    assert len(site.asked) == 1


def test_nobody_there_is_told(site: Site):
    assert FromHere().look(site.url(), "127.0.0.2", 2) == "127.0.0.2 refuses connections"


def test_a_certificate_for_another_name_is_not_well(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _serve_tls(site, tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))  # what the default context trusts

    assert FromHere().look(site.url(scheme="https"), "127.0.0.1", 2) == ""
    assert "no certificate that holds" in FromHere().look(
        site.url("other.example.com", "https"), "127.0.0.1", 2
    )


def test_a_further_probe_gets_address_region_and_name(site: Site):
    probe = f"{site.url('127.0.0.1')}/?target={{address}}&region={{region}}&name={{name}}"

    assert FromHere().ask(probe, HZ, NAME, 2) == ""
    assert site.asked[0][1] == f"/?target=203.0.113.10&region=hz&name={NAME}"


def test_a_further_probe_that_says_no_is_told(site: Site):
    site.status = 204

    assert FromHere().ask(site.url("127.0.0.1"), HZ, NAME, 2) == "probe 127.0.0.1 answered 204"


def _serve_tls(site: Site, folder: Path) -> None:
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", str(folder / "key.pem"),
         "-out", str(folder / "cert.pem")])  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    site.socket = context.wrap_socket(site.socket, server_side=True, do_handshake_on_connect=False)
