"""Signing in with GitLab: a real exchange with a strict stand-in, and each thing that must not let anybody in."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from pipeline.secret import Secret
from pipeline.user import GitLabSignIn
from pipeline.web.app import create_app
from runners.sign_in import providers_of
from tests.forge.gitlab_people import CLIENT, SECRET, running_gitlab
from tests.web.pages.conftest import Browser

ALLOW = {"acme": "deployer", "acme/ops": "admin"}


@pytest.fixture
def gitlab():
    with running_gitlab() as running:
        yield running


@pytest.fixture
def app(house, gitlab):
    sign_in = GitLabSignIn(gitlab.url, CLIENT, Secret(SECRET), ALLOW)
    server = replace(house.ports.settings.server, gitlab=sign_in)
    settings = replace(house.ports.settings, server=server)
    return create_app(replace(house.ports, settings=settings, providers=providers_of(server)))


@pytest.fixture
def browser(app):
    return Browser(app.test_client())


def go_and_come_back(browser, gitlab, to="/", **changed):
    brought = gitlab.consent(browser.get(f"/sign-in/gitlab?to={to}").location) | changed
    return browser.get("/sign-in/gitlab/back", query_string=brought)


def test_a_member_of_an_allowed_group_comes_in_with_its_role(house, browser, gitlab):
    answer = go_and_come_back(browser, gitlab, to="/?x=1")

    assert answer.location == "/?x=1"
    assert browser.get("/").status_code == 200
    ((name, role, origin),) = [(u.name, u.role, u.origin) for u in house.store.users.users()]
    assert (name, role, origin) == ("mia", "deployer", "gitlab")
    assert house.store.audit.entries()[0]["actor"] == "user:mia"


def test_the_role_is_that_of_today(house, browser, gitlab):
    go_and_come_back(browser, gitlab)
    gitlab.person["groups"] = ["acme", "acme/ops"]

    go_and_come_back(browser, gitlab)

    assert [user.role for user in house.store.users.users()] == ["admin"]


def test_a_stranger_to_all_groups_stays_out_and_reads_why(house, browser, gitlab):
    gitlab.person["groups"] = ["other"]

    answer = go_and_come_back(browser, gitlab)

    assert answer.status_code == 403
    assert "no GitLab group that may come in" in answer.text
    assert house.store.users.users() == []


@pytest.mark.parametrize(
    "lie",
    [{"nonce": "another"}, {"aud": "another"}, {"iss": "https://evil.example"}, {"exp": 1}, {"sub": "8"}],
    ids=str,
)
def test_an_id_token_that_does_not_hold_lets_nobody_in(house, browser, gitlab, lie):
    gitlab.lies = lie

    assert go_and_come_back(browser, gitlab).status_code == 401
    assert house.store.users.users() == []


def test_a_signature_of_another_key_lets_nobody_in(house, browser, gitlab):
    gitlab.signer = rsa.generate_private_key(65537, 2048)

    assert go_and_come_back(browser, gitlab).status_code == 401


@pytest.mark.parametrize("changed", [{"state": "x"}, {"state": ""}, {"code": ""}, {"code": "x"}], ids=str)
def test_what_was_not_brought_back_whole_lets_nobody_in(browser, gitlab, changed):
    assert go_and_come_back(browser, gitlab, **changed).status_code == 401
    assert browser.get("/").status_code == 303


def test_another_browser_cannot_be_signed_in_with_somebodys_answer(app, browser, gitlab):
    brought = gitlab.consent(browser.get("/sign-in/gitlab").location)
    victim = Browser(app.test_client())

    assert victim.get("/sign-in/gitlab/back", query_string=brought).status_code == 401


def test_an_answer_is_good_once(browser, gitlab):
    brought = gitlab.consent(browser.get("/sign-in/gitlab").location)
    browser.get("/sign-in/gitlab/back", query_string=brought)

    assert browser.get("/sign-in/gitlab/back", query_string=brought).status_code == 401


def test_a_name_that_is_somebody_elses_is_refused(house, browser, gitlab):
    house.store.users.create("mia", "viewer", (), Secret("four words that fit"))

    answer = go_and_come_back(browser, gitlab)

    assert answer.status_code == 409
    assert browser.get("/").status_code == 303


def test_a_gitlab_that_is_away_is_said(browser, gitlab):
    brought = gitlab.consent(browser.get("/sign-in/gitlab").location)
    gitlab.tokens = None  # the stand-in breaks: the connection ends without an answer

    answer = browser.get("/sign-in/gitlab/back", query_string=brought)

    assert answer.status_code == 503
    assert "does not answer" in answer.text


def test_without_an_application_there_is_no_such_way(stranger):
    assert "GitLab" not in stranger.get("/sign-in").text
    assert stranger.get("/sign-in/gitlab").status_code == 404
