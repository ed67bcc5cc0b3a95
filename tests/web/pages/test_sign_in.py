"""Signing in: who comes in, what a session is worth, and what strangers may try."""

import pytest

from pipeline.errors import TooMany
from pipeline.secret import Secret
from pipeline.user import FREE
from pipeline.web.app import create_app
from tests.web.pages.conftest import PASSWORD, Browser


@pytest.fixture
def ada(house):
    house.store.users.create("ada", "deployer", (), Secret(PASSWORD))


def test_a_name_and_its_password_open_a_session_that_leads_back(ada, house, stranger):
    asked = stranger.get("/?x=1")
    answer = stranger.send("/sign-in", name="ada", password=PASSWORD, to="/?x=1")

    assert asked.location == "/sign-in?to=/%3Fx%3D1"
    assert answer.location == "/?x=1"
    assert stranger.get("/").status_code == 200
    assert house.store.audit.entries()[0]["actor"] == "user:ada"
    assert house.store.audit.entries()[0]["action"] == "sign-in"


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(ada, stranger):
    cookie = stranger.send("/sign-in", name="ada", password=PASSWORD).headers["Set-Cookie"]

    assert cookie.startswith("shipway=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


@pytest.mark.parametrize(
    ("name", "password"), [("ada", "wrong"), ("nobody", PASSWORD), ("", ""), ("ada", "")]
)
def test_an_unknown_name_and_a_wrong_password_look_alike(ada, stranger, name, password):
    answer = stranger.send("/sign-in", name=name, password=password)

    assert answer.status_code == 401
    assert "do not belong together" in answer.text
    assert "Set-Cookie" not in answer.headers


def test_guessing_is_slowed_down_and_the_right_password_waits_too(ada, stranger):
    for _ in range(FREE["both"]):
        stranger.send("/sign-in", name="ada", password="wrong")

    answer = stranger.send("/sign-in", name="ada", password=PASSWORD)

    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1


def test_guessing_one_name_from_many_addresses_is_slowed_down_too(ada, house):
    for n in range(FREE["user"]):
        with pytest.raises(Exception, match="belong together"):
            house.store.users.prove("ada", Secret("wrong"), f"10.0.0.{n}")

    with pytest.raises(TooMany):
        house.store.users.prove("ada", Secret(PASSWORD), "10.0.1.1")


def test_a_form_of_another_site_signs_nobody_in(ada, stranger):
    answer = stranger.send("/sign-in", origin="https://evil.example", name="ada", password=PASSWORD)

    assert answer.status_code == 403
    assert stranger.get("/").status_code == 303


@pytest.mark.parametrize(
    "to", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", ""]
)
def test_signing_in_leads_to_no_other_site(ada, stranger, to):
    assert stranger.send("/sign-in", name="ada", password=PASSWORD, to=to).location == "/"


def test_a_session_is_new_at_each_sign_in_and_the_one_before_is_over(ada, house, stranger):
    first = stranger.send("/sign-in", name="ada", password=PASSWORD).headers["Set-Cookie"]
    second = stranger.send("/sign-in", name="ada", password=PASSWORD).headers["Set-Cookie"]
    old = first.partition("=")[2].partition(";")[0]

    assert first != second
    assert house.store.sessions.session(old) is None


def test_signing_out_ends_the_session_itself(ada, house, stranger):
    text = stranger.send("/sign-in", name="ada", password=PASSWORD).headers["Set-Cookie"]
    text = text.partition("=")[2].partition(";")[0]

    answer = stranger.act("/sign-out")

    assert answer.location == "/sign-in"
    assert house.store.sessions.session(text) is None
    assert stranger.get("/").status_code == 303


def test_a_user_who_is_disabled_is_out_at_once(ada, house, stranger):
    stranger.send("/sign-in", name="ada", password=PASSWORD)

    house.store.users.disable("ada")

    assert stranger.get("/").status_code == 303
    assert stranger.send("/sign-in", name="ada", password=PASSWORD).status_code == 401


def test_the_first_user_comes_by_a_link_that_is_good_once(house, stranger):
    ticket = house.store.sessions.issue("first-user", {}, 60)
    shown = stranger.get(f"/welcome?ticket={ticket}")
    weak = stranger.send("/welcome", ticket=ticket, name="ada", password="short")
    answer = stranger.send("/welcome", ticket=ticket, name="ada", password=PASSWORD)

    assert shown.status_code == 200
    assert weak.status_code == 400
    assert answer.location == "/"
    assert stranger.get("/").status_code == 200
    assert [(user.name, user.role) for user in house.store.users.users()] == [("ada", "admin")]
    again = Browser(create_app(house.ports).test_client())
    assert again.send("/welcome", ticket=ticket, name="eve", password=PASSWORD).status_code == 403


def test_the_link_is_worth_nothing_once_there_is_a_user(ada, house, stranger):
    ticket = house.store.sessions.issue("first-user", {}, 60)

    assert stranger.get(f"/welcome?ticket={ticket}").status_code == 403
    assert stranger.send("/welcome", ticket=ticket, name="eve", password=PASSWORD).status_code == 403


@pytest.mark.parametrize("ticket", ["", "x", "x" * 5000, "ü"])
def test_a_made_up_link_is_worth_nothing(stranger, ticket):
    assert stranger.send("/welcome", ticket=ticket, name="eve", password=PASSWORD).status_code == 403
