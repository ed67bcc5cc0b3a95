"""From bytes to queued runs; forges are the real ones, the books and the queue remember what they were told."""

import json
from urllib.parse import urlencode

import pytest

from pipeline.errors import BadSignature, Conflict, NotFound, Refused, TooLarge
from pipeline.intake.inbox import Received
from pipeline.intake.receive import LARGEST, receive
from tests.intake.sent import COMMIT, Books, body, headers, ports, service


def test_a_push_becomes_a_durable_run_and_a_wake():
    books, content = Books(), body()

    received = receive("github", headers(content), content, ports(books, service("shop", "hush")))

    assert received == Received(1, (10,), targets=("shop/production",), fresh=(10,))
    assert [run.commit for run in books.deliveries[0].runs] == [COMMIT]
    assert books.deliveries[0].body == content
    assert books.woken == [10]
    assert (books.deliveries[0].actor, books.deliveries[0].action) == ("github:ada", "webhook push")


def pull_request(source: int = 1, action: str = "opened") -> bytes:
    side = {"ref": "main", "sha": COMMIT, "repo": {"id": 1}}
    request = {"number": 3, "title": "Sell", "head": side | {"repo": {"id": source}}, "base": side}
    return body(action=action, pull_request=request)


def test_a_merge_request_becomes_a_run_of_no_environment():
    books, content = Books(), pull_request()

    received = receive(
        "github", headers(content, event="pull_request"), content, ports(books, service("shop", "hush"))
    )

    (run,) = books.deliveries[0].runs
    assert (run.environment, run.merge_request, run.ref) == ("", 3, "refs/pull/3/head")
    assert (received.runs, received.targets) == ((10,), ("shop/merge request 3",))
    told = books.deliveries[0]
    assert (told.actor, told.action, told.project) == ("github:ada", "webhook pull_request", "acme/shop")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (pull_request(source=2), "merge request 3 comes from a fork and is not built"),
        (pull_request(action="closed"), "the merge request was closed"),
        (pull_request(action="labeled"), "'labeled' of a merge request brings no new commit"),
    ],
)
def test_a_merge_request_that_is_ignored_says_why(content, why):
    books = Books()

    received = receive(
        "github", headers(content, event="pull_request"), content, ports(books, service("shop", "hush"))
    )

    assert received.runs == ()
    assert received.ignored.startswith(why)


def test_proofs_are_not_kept_with_the_delivery():
    books, content = Books(), body()

    receive("github", headers(content), content, ports(books, service("shop", "hush")))

    assert set(books.deliveries[0].headers) == {"x-github-event", "x-github-delivery", "user-agent"}


def test_a_redelivery_wakes_nobody():
    books, content = Books(), body()
    receive("github", headers(content), content, ports(books, service("shop", "hush")))

    received = receive("github", headers(content), content, ports(books, service("shop", "hush")))

    assert received.duplicate
    assert len(books.woken) == 1


def test_an_id_that_told_of_something_else_before_is_refused():
    books, content = Books(changed=True), body()
    receive("github", headers(content), content, ports(books, service("shop", "hush")))

    with pytest.raises(Conflict, match="sent delivery d-1 before, and it told of something else"):
        receive("github", headers(content), content, ports(books, service("shop", "hush")))

    assert len(books.woken) == 1


def test_a_queue_that_is_down_is_no_error():
    books, content = Books(queue_down=True), body()

    received = receive("github", headers(content), content, ports(books, service("shop", "hush")))

    assert received.runs == (10,)


def test_services_of_one_repository_each_get_their_runs():
    books, content = Books(), body()

    received = receive(
        "github", headers(content), content, ports(books, service("shop", "hush"), service("api", "hush"))
    )

    assert received.targets == ("shop/production", "api/production")


def test_only_services_whose_secret_fits_get_runs():
    books, content = Books(), body()
    services = (service("shop", "other"), service("api", "hush"), service("web", ""))

    received = receive("github", headers(content), content, ports(books, *services))

    assert received.targets == ("api/production",)


def test_names_of_projects_are_compared_without_case():
    books, content = Books(), body("Acme/Shop")

    assert receive("github", headers(content), content, ports(books, service("shop", "hush"))).runs


def test_a_delivery_that_nobody_signed_rightly_is_refused_and_not_kept():
    books, content = Books(), body()

    with pytest.raises(BadSignature, match="does not fit"):
        receive("github", headers(content, "wrong"), content, ports(books, service("shop", "hush")))

    assert books.deliveries == []


def test_a_project_without_a_secret_refuses_and_says_what_to_do():
    content = body()

    with pytest.raises(BadSignature, match=r"Set `secret` under its `repository` in shipway\.yml"):
        receive("github", headers(content, ""), content, ports(Books(), service("shop", "")))


def test_an_unknown_forge_is_told():
    with pytest.raises(NotFound, match="There is no forge 'svn'"):
        receive("svn", {}, b"{}", ports(Books()))


@pytest.mark.parametrize("project", ["acme/other", "x" * 100_000])
def test_an_unknown_project_is_told_in_a_short_sentence(project):
    content = body(project)

    with pytest.raises(NotFound, match="No service here is built from project") as caught:
        receive("github", headers(content), content, ports(Books(), service("shop", "hush")))

    assert len(str(caught.value)) < 500


def test_a_project_of_another_forge_is_unknown():
    content = json.dumps({"project": "acme/shop", "updates": []}).encode()

    with pytest.raises(NotFound):
        receive("git", {}, content, ports(Books(), service("shop", "hush")))


def test_a_body_above_the_limit_is_refused():
    with pytest.raises(TooLarge):
        receive("github", {}, b" " * (LARGEST + 1), ports(Books()))


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"{", b"{}"])
def test_a_malformed_body_is_refused(content):
    with pytest.raises(Refused):
        receive("github", headers(content), content, ports(Books(), service("shop", "hush")))


def test_a_ping_is_kept_with_its_note():
    books, content = Books(), body()

    received = receive(
        "github", headers(content, event="ping"), content, ports(books, service("shop", "hush"))
    )

    assert received.runs == ()
    assert received.ignored.startswith("ping")
    assert books.deliveries[0].actor == "github:webhook"


@pytest.mark.parametrize("secret", ["hush", 'hu"sh\\', "hush & é"])
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_the_password_that_gitee_writes_into_the_body_is_not_kept(secret, kind):
    books, content = Books(), body(password=secret)
    content = urlencode({"payload": content}).encode() if "form" in kind else content
    sent = {"content-type": kind, "x-gitee-event": "Push Hook", "x-gitee-token": secret}

    received = receive("gitee", sent, content, ports(books, service("shop", secret, forge="gitee")))

    assert received.runs == (10,)
    assert json.loads(books.deliveries[0].body) == json.loads(body(password="***"))


def test_reasons_of_several_services_are_told_once_each():
    books, content = Books(), body(after="0" * 40, head_commit=None)

    received = receive(
        "github", headers(content), content, ports(books, service("shop", "hush"), service("api", "hush"))
    )

    assert received.ignored == "branch 'main' was deleted"
