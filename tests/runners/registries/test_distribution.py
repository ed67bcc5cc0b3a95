"""What a registry of the distribution API is asked, on a small server: pages, logins, deletion turned off, no answer."""

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pipeline.errors import Rejected, Unreachable
from pipeline.fleet.host import RegistryAccess
from runners.registries.distribution import NOBODY, Layer, Registry

DIGEST = "sha256:" + "1" * 64


@dataclass
class Told:
    """`answers`: "METHOD path" -> (status, headers, body). `asked`: what came, with its Authorization."""

    answers: dict[str, tuple[int, dict[str, str], Any]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    wants: str = ""  # the Authorization without which everything below /v2/ is 401
    challenge: str = 'Basic realm="registry"'
    address: str = ""

    def registry(self, user: str = "", password: str = "") -> Registry:
        return Registry(RegistryAccess(self.address, insecure=True), lambda: (user, password))


@pytest.fixture
def told() -> Iterator[Told]:
    made = Told()
    with _server(made) as address:
        made.address = address
        yield made


@contextmanager
def _server(told: Told) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            given = self.headers.get("Authorization", "")
            key = f"{self.command} {self.path}"
            told.asked.append((key, given))
            status, headers, body = told.answers.get(key, (404, {}, {"errors": []}))
            if told.wants and self.path.startswith("/v2/") and given != told.wants:
                status, headers, body = 401, {"WWW-Authenticate": told.challenge}, {"errors": []}
            text = b"" if self.command == "HEAD" else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        do_HEAD = do_POST = do_DELETE = do_GET

        def log_message(self, format: str, *args: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_registry_that_is_asked_nothing_reads_no_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *_: read.append("all of them"))  # slow

    Registry(RegistryAccess("registry.example.com"), lambda: ("", ""))

    assert read == []


def test_all_pages_of_tags_are_read_and_an_absent_repository_has_none(told: Told) -> None:
    first = {"Link": '</v2/acme/shop/tags/list?n=2&last=run-2>; rel="next"'}
    told.answers["GET /v2/acme/shop/tags/list?n=500"] = (200, first, {"tags": ["run-1", "run-2"]})
    told.answers["GET /v2/acme/shop/tags/list?n=2&last=run-2"] = (200, {}, {"tags": ["run-3"]})

    assert told.registry().tags(f"{told.address}/acme/shop") == ["run-1", "run-2", "run-3"]
    assert told.registry().tags(f"{told.address}/acme/none") == []


def test_a_link_that_leads_elsewhere_is_not_followed(told: Told) -> None:
    first = {"Link": '<http://example.com/secrets>; rel="next"'}
    told.answers["GET /v2/shop/tags/list?n=500"] = (200, first, {"tags": ["run-1"]})

    assert told.registry().tags(f"{told.address}/shop") == ["run-1"]
    assert len(told.asked) == 1


def test_the_login_is_given_when_it_is_asked_for(told: Told) -> None:
    told.wants = "Basic " + base64.b64encode(b"ann:pw").decode()
    told.answers["GET /v2/shop/tags/list?n=500"] = (200, {}, {"tags": ["run-1"]})

    assert told.registry("ann", "pw").tags(f"{told.address}/shop") == ["run-1"]
    assert told.asked[0][1] == ""


def test_a_token_is_fetched_where_the_registry_says(told: Told) -> None:
    told.wants = "Bearer abc"
    told.challenge = (
        f'Bearer realm="http://{told.address}/token",service="reg",scope="repository:shop:pull,delete"'
    )
    scope = "repository%3Ashop%3Apull%2Cdelete"
    told.answers[f"GET /token?service=reg&scope={scope}"] = (200, {}, {"token": "abc"})
    told.answers["GET /v2/shop/tags/list?n=500"] = (200, {}, {"tags": ["run-1"]})

    assert told.registry("ann", "pw").tags(f"{told.address}/shop") == ["run-1"]


def test_the_password_is_not_sent_to_a_plain_address_for_a_registry_over_tls() -> None:
    registry = Registry(RegistryAccess("r:5000"), lambda: ("ann", "pw"))

    with pytest.raises(Rejected, match="which is no https:// address; not sent"):
        registry._answer_to('Bearer realm="http://r:5000/token",service="reg"')


def test_wrong_credentials_are_a_sentence(told: Told) -> None:
    told.wants = "Basic other"

    with pytest.raises(Rejected, match=r"it answered 401 to GET /v2/shop/tags/list.*Check registry\.auth"):
        told.registry("ann", "pw").tags(f"{told.address}/shop")


def test_a_registry_that_fails_may_do_better_later(told: Told) -> None:
    told.answers["GET /v2/shop/tags/list?n=500"] = (503, {}, {"errors": ["busy"]})

    with pytest.raises(Unreachable, match=r"it answered 503.*Try again later"):
        told.registry().tags(f"{told.address}/shop")


def test_no_answer_says_where_and_what_to_do() -> None:
    registry = Registry(RegistryAccess("127.0.0.1:1", insecure=True), lambda: ("", ""))

    with pytest.raises(Unreachable, match=r"Registry 127\.0\.0\.1:1: no answer to GET /v2/shop/tags/list"):
        registry.tags("127.0.0.1:1/shop")


@pytest.mark.parametrize(("status", "lets"), [(404, True), (202, True), (405, False)])
def test_deletion_turned_off_is_found_without_deleting_anything(told: Told, status: int, lets: bool) -> None:
    told.answers[f"DELETE /v2/shop/manifests/{NOBODY}"] = (status, {}, {})

    assert told.registry().lets_delete(f"{told.address}/shop") is lets


def test_what_is_gone_is_fine_to_delete(told: Told) -> None:
    told.registry().delete(f"{told.address}/shop@{DIGEST}")

    assert told.asked == [(f"DELETE /v2/shop/manifests/{DIGEST}", "")]


def test_layers_come_with_the_names_that_engines_know_them_by(told: Told) -> None:
    manifest = {"config": {"digest": "sha256:c", "size": 3}, "layers": [{"size": 10}, {"size": 20}]}
    told.answers[f"GET /v2/shop/manifests/{DIGEST}"] = (200, {}, manifest)
    told.answers["GET /v2/shop/blobs/sha256:c"] = (200, {}, {"rootfs": {"diff_ids": ["a", "b"]}})
    image = f"{told.address}/shop@{DIGEST}"

    assert told.registry().layers(image) == (Layer("a", 10), Layer("b", 20))
    assert told.registry().size(image) == 33


def test_of_an_image_for_several_machines_the_largest_counts(told: Told) -> None:
    kinds = {"small": "linux", "large": "linux", "other": "windows"}
    index = {"manifests": [{"digest": name, "platform": {"os": os}} for name, os in kinds.items()]}
    told.answers[f"GET /v2/shop/manifests/{DIGEST}"] = (200, {}, index)
    for name, size in {"small": 1, "large": 9, "other": 50}.items():
        told.answers[f"GET /v2/shop/manifests/{name}"] = (
            200,
            {},
            {"config": {"digest": "c", "size": 0}, "layers": [{"size": size}]},
        )
    told.answers["GET /v2/shop/blobs/c"] = (200, {}, {"rootfs": {"diff_ids": ["a"]}})

    assert told.registry().layers(f"{told.address}/shop@{DIGEST}") == (Layer("a", 9),)


def test_a_registry_without_tls_is_told_from_one_that_is_away(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(RegistryAccess(told.address), lambda: ("", ""))
    monkeypatch.setattr(registry, "_url", f"https://{told.address}")

    with pytest.raises(Unreachable, match=r"plain HTTP\? Then set registry\.insecure: true"):
        registry.tags(f"{told.address}/shop")


@pytest.mark.parametrize(
    ("address", "scheme"),
    [
        ("127.0.0.1:5000", "http"),
        ("localhost:5000", "http"),
        ("[::1]:5000", "http"),
        ("10.0.0.1:5000", "https"),
    ],
)
def test_only_a_registry_on_this_machine_is_spoken_to_without_tls_unasked(address: str, scheme: str) -> None:
    assert Registry(RegistryAccess(address), lambda: ("", ""))._url == f"{scheme}://{address}"
