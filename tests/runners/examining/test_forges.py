"""What `doctor` says of forges: what they were not told, and webhooks that are missing, off or unsigned."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import Rejected
from pipeline.fleet.service import Repository, Service
from pipeline.intake.inbox import NewDelivery
from pipeline.secret import Secret
from pipeline.settings import Server
from runners.examining.forges import look_at_deliveries, look_at_gitlab_hook, look_at_reports
from runners.gitlab_hook import GitLabHook
from runners.own_store import store_of
from tests.contracts.samples import AT, new_run
from tests.forge.gitlab import DEVELOPER, FakeGitLab, fake_gitlab
from tests.runners.forges.bodies import SIGNING

URL = "http://127.0.0.1:9/hooks/gitlab"


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[FakeGitLab]:
    with fake_gitlab(tmp_path) as server:
        server.project("acme/shop")
        yield server


def shop(gitlab: FakeGitLab, level: int = 40, signing: str = SIGNING) -> Service:
    token = Secret(gitlab.token("api", level))
    url = f"{gitlab.url}/acme/shop.git"
    return Service("shop", Repository(url, "gitlab", "acme/shop", Secret("x"), Secret(signing), token))


def test_a_webhook_that_is_missing_is_told(gitlab: FakeGitLab):
    (finding,) = look_at_gitlab_hook(shop(gitlab), URL)

    assert (finding.level, "shipway gitlab connect acme/shop" in finding.mend) == ("warn", True)


def test_one_that_is_there_is_fine(gitlab: FakeGitLab):
    GitLabHook(shop(gitlab).repository, URL).connect("token", SIGNING)

    (finding,) = look_at_gitlab_hook(shop(gitlab), URL)

    assert (finding.level, finding.text) == ("ok", "GitLab calls it (signed)")


@pytest.mark.parametrize(("failures", "wanted"), [(4, "off until 2"), (40, "off for good")])
def test_one_that_gitlab_turned_off_is_told(gitlab: FakeGitLab, failures: int, wanted: str):
    GitLabHook(shop(gitlab).repository, URL).connect("token", SIGNING)
    (hook,) = gitlab.projects["acme/shop"].hooks
    until = "2999-01-01T00:00:00+00:00" if failures < 40 else None
    hook |= {"failures": failures, "disabled_until": until}

    (finding,) = look_at_gitlab_hook(shop(gitlab), URL)

    assert (finding.level, wanted in finding.text) == ("warn", True)


def test_one_without_the_signing_token_that_shipway_wants_is_told(gitlab: FakeGitLab):
    GitLabHook(shop(gitlab).repository, URL).connect("token", "")

    (finding,) = look_at_gitlab_hook(shop(gitlab), URL)

    assert (finding.level, "every delivery is refused" in finding.text) == ("warn", True)


def test_a_token_that_may_not_see_webhooks_says_nothing(gitlab: FakeGitLab):
    assert look_at_gitlab_hook(shop(gitlab, DEVELOPER), URL) == []


def test_a_token_that_is_wrong_fails(gitlab: FakeGitLab):
    service = shop(gitlab)
    wrong = replace(service, repository=replace(service.repository, token=Secret("glpat-wrong")))

    with pytest.raises(Rejected, match="expired"):
        look_at_gitlab_hook(wrong, URL)


def test_what_the_forge_was_not_told_is_told_here(tmp_path: Path):
    server = Server(data=str(tmp_path))
    store = store_of(server)
    store.migrate()
    store.runs.add(new_run())
    lease = store.leases.take("reports", "teller", 30)
    assert lease
    message = replace(store.outbox.waiting(AT)[0], service="shop", error="GitLab forbids it.")
    store.outbox.save(message, True, lease)
    store.close()

    broken, good = look_at_reports(server, {"shop", "zoo"})

    assert (broken.level, broken.text.startswith("GitLab forbids it. (run 1, ")) == ("warn", True)
    assert broken.text.endswith("given up)")
    assert (good.level, good.name) == ("ok", "reports of zoo")


def test_before_the_first_start_there_is_nothing_to_say(tmp_path: Path):
    assert look_at_reports(Server(data=str(tmp_path)), {"shop"}) == []


def test_the_last_delivery_of_a_service_is_told(tmp_path: Path):
    server = Server(data=str(tmp_path))
    service = Service("shop", Repository("https://x/y.git", "gitlab", "acme/shop"))
    assert look_at_deliveries(server, service) == []
    store = store_of(server)
    store.migrate()
    headers = {"x-gitlab-event": "Push Hook"}
    store.inbox.receive(NewDelivery("gitlab", "k", "push", "acme/shop", headers, b"{}", services=("shop",)))
    store.close()

    (finding,) = look_at_deliveries(server, service)

    assert (finding.level, finding.text.startswith("last delivery ")) == ("ok", True)
