"""`shipway gitlab connect`: the webhook is made, repaired and tested, and what is in the way is told."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipeline.commands.asked import Asked
from pipeline.commands.gitlab import gitlab as command
from pipeline.errors import Conflict, NotFound, Refused, Rejected
from tests.forge.gitlab import DEVELOPER, MAINTAINER, FakeGitLab, fake_gitlab
from tests.runners.forges.bodies import SIGNING

SECRET = "a-shared-token"


class Door(BaseHTTPRequestHandler):
    """A Shipway that answers every webhook."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


class House:
    def __init__(self, folder: Path, gitlab: FakeGitLab, shipway: str) -> None:
        self.folder, self.gitlab = folder, gitlab
        self.project = gitlab.project("acme/shop")
        self.project.commit("first")
        self.hook_url = f"{shipway}/hooks/gitlab"
        self.repository: dict[str, Any] = {
            "url": f"{gitlab.url}/acme/shop.git",
            "forge": "gitlab",
            "secret": SECRET,
            "signing_secret": SIGNING,
            "token": gitlab.token("api", MAINTAINER),
        }
        self.shipway = shipway

    def connect(self, *words: str, project: str = "acme/shop", **more: Any) -> Result:
        """Raises what the command raises."""
        shop = {
            "repository": self.repository,
            "environments": {"production": {"hosts": ["web-1"], "branches": ["main"]}},
        }
        config = {
            "server": {"url": self.shipway, "data": "data"},
            "hosts": {"web-1": {"engine": "tcp://10.0.0.1:2375"}},
            "services": {"shop": shop, **more},
        }  # fmt: skip
        file = self.folder / "shipway.yml"
        file.write_text(json.dumps(config))
        asked = Asked(config=str(file))
        runner = CliRunner(catch_exceptions=False)
        return runner.invoke(command, ["connect", *words, project], obj=asked, standalone_mode=False)


@pytest.fixture
def shipway() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.status = 202  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def house(tmp_path: Path, shipway: ThreadingHTTPServer) -> Iterator[House]:
    with fake_gitlab(tmp_path / "repositories") as gitlab:
        yield House(tmp_path, gitlab, f"http://127.0.0.1:{shipway.server_address[1]}")


def test_it_makes_a_webhook_with_both_proofs_and_tests_it(house: House):
    said = house.connect().output

    (hook,) = house.project.hooks
    assert (hook["url"], hook["token"], hook["signing_token"]) == (house.hook_url, SECRET, SIGNING)
    assert (hook["push_events"], hook["tag_push_events"], hook["enable_ssl_verification"]) == (
        True,
        True,
        True,
    )
    assert [delivery.status for delivery in house.gitlab.deliveries] == [202]
    assert "token and signature" in said
    assert "Tested" in said
    assert SECRET not in said + SIGNING


def test_again_changes_nothing(house: House):
    house.connect()
    before = dict(house.project.hooks[0])

    said = house.connect().output

    assert house.project.hooks == [before]
    assert "Found the webhook" in said
    assert "Repaired" not in said


def test_it_repairs_what_was_changed_and_removes_doubles(house: House):
    house.connect()
    double = dict(house.project.hooks[0]) | {"id": 9000}
    house.project.hooks[0] |= {"tag_push_events": False, "token": "old", "enable_ssl_verification": False}
    house.project.hooks.append(double)

    said = house.connect().output

    (hook,) = house.project.hooks
    assert (hook["tag_push_events"], hook["token"], hook["enable_ssl_verification"]) == (True, SECRET, True)
    assert "Repaired: enable_ssl_verification, tag_push_events." in said
    assert "Removed 1 more" in said


def test_webhooks_that_call_elsewhere_are_left_alone(house: House):
    house.connect()
    other = dict(house.project.hooks[0]) | {"id": 9000, "url": "https://ci.example.com/"}
    house.project.hooks.insert(0, other)

    house.connect()

    assert house.project.hooks[0] == other


def test_a_webhook_that_gitlab_turned_off_is_told_and_turned_on_again(house: House):
    house.connect()
    house.project.hooks[0]["failures"] = 40

    said = house.connect().output

    assert "turned the webhook off for good" in said
    assert house.project.hooks[0]["failures"] == 0


def test_without_secrets_it_makes_them_and_says_where_they_go(house: House):
    del house.repository["secret"], house.repository["signing_secret"]

    first, second = house.connect(), house.connect()

    (hook,) = house.project.hooks
    keys = house.folder / "data" / "keys"
    assert hook["token"] == (keys / "gitlab-acme-shop.token").read_text().strip()
    assert hook["signing_token"] == (keys / "gitlab-acme-shop.signing").read_text().strip()
    assert f'secret: "file:{keys}/gitlab-acme-shop.token"' in first.output
    assert f'signing_secret: "file:{keys}/gitlab-acme-shop.signing"' in first.output
    assert hook["token"] not in first.output
    assert first.output.splitlines()[-2:] == second.output.splitlines()[-2:]
    assert house.gitlab.deliveries == [], "Shipway does not know them yet"


def test_an_older_gitlab_gets_the_token_alone(house: House):
    house.gitlab.version = 18
    del house.repository["signing_secret"]

    said = house.connect().output

    assert "token only" in said
    assert "signing_secret" not in said
    assert "Tested" in said


def test_an_older_gitlab_and_a_signing_secret_do_not_go_together(house: House):
    house.gitlab.version = 18

    with pytest.raises(Rejected, match="does not sign webhooks"):
        house.connect()


def test_a_test_that_goes_wrong_says_what_gitlab_said(house: House, shipway: ThreadingHTTPServer):
    shipway.status = 401  # type: ignore[attr-defined]

    with pytest.raises(Rejected, match=r"it went wrong: Hook execution failed: 401"):
        house.connect()


def test_without_a_test_nobody_is_called(house: House):
    assert "Not tested" in house.connect("--no-test").output
    assert house.gitlab.deliveries == []


def test_an_address_that_gitlab_may_not_call_is_told(house: House):
    house.gitlab.local_network = False

    with pytest.raises(Rejected, match="Requests to the local network are not allowed"):
        house.connect()


@pytest.mark.parametrize(
    ("scopes", "level", "wanted"),
    [("read_api", MAINTAINER, "scope `api`"), ("api", DEVELOPER, "for webhooks Maintainer")],
)
def test_a_token_that_may_not_is_told(house: House, scopes: str, level: int, wanted: str):
    house.repository["token"] = house.gitlab.token(scopes, level)

    with pytest.raises(Rejected, match=wanted):
        house.connect()


def test_a_wrong_token_is_told(house: House):
    house.repository["token"] = "glpat-wrong"

    with pytest.raises(Rejected, match="wrong, revoked or expired"):
        house.connect()


def test_a_project_that_the_token_does_not_see_is_told(house: House):
    house.repository["token"] = house.gitlab.token("api", MAINTAINER, projects="acme/other")

    with pytest.raises(Rejected, match="no member of it"):
        house.connect()


def test_a_token_used_only_now_comes_from_a_file(house: House, tmp_path: Path):
    (tmp_path / "admin").write_text(house.repository.pop("token") + "\n")

    assert "Made the webhook" in house.connect("--token-file", str(tmp_path / "admin")).output


def test_without_a_token_it_says_which_one_to_make(house: House):
    del house.repository["token"]

    with pytest.raises(Refused, match="role Maintainer, scope api"):
        house.connect()


def test_a_project_that_no_service_is_built_from_is_told(house: House):
    with pytest.raises(NotFound, match=r"known: acme/shop"):
        house.connect(project="acme/shpo")


def test_services_of_one_project_must_share_their_secrets(house: House):
    pay = {"repository": house.repository | {"secret": "another-token"}, "path": "pay"}
    environments = {"production": {"hosts": ["web-1"], "branches": ["main"]}}

    with pytest.raises(Conflict, match="same secrets"):
        house.connect(pay=pay | {"environments": environments})
