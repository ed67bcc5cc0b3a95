"""What holds for every page: who comes in, headers, escaping of nothing but text, refusals that can be read."""

import re
from itertools import islice

import pytest

from pipeline.delivery.run import NewRun
from pipeline.intake.inbox import NewDelivery
from pipeline.web.auth import RANK
from pipeline.web.pages.navigation import NAVIGATION
from pipeline.web.pages.site import FORMS, PAGES, live_path
from tests.web.conftest import COMMIT, DB_PASSWORD, SECRET
from tests.web.deployed import bring

ROLES = ("viewer", "deployer", "admin")


def concrete(path: str) -> str:
    """A page of the table at the fleet's own names."""
    names = {"<service>": "shop", "<environment>": "production", "<host>": "web-1", "<region>": "hz"}
    for name, value in names.items():
        path = path.replace(name, value)
    return re.sub(r"<id:\w+>", "1", path)


@pytest.fixture
def one_of_each(house):
    """Release, run, deployment and delivery 1."""
    bring(house, house.release().number)
    run = NewRun("shop", "production", "branch", "main", COMMIT, "push:mia", "Sell more")
    house.store.inbox.receive(NewDelivery("gitlab", "k", "push", "acme/shop", {}, b"{}", (run,)))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("row", PAGES, ids=lambda row: row.path)
def test_a_page_opens_from_its_role_on(one_of_each, person, row, role):
    answer = person(role).get(concrete(row.path))

    allowed = RANK[role] >= RANK[row.role]
    assert answer.status_code == (200 if allowed else 403)
    assert answer.mimetype == "text/html"


@pytest.mark.parametrize("row", PAGES, ids=lambda row: row.path)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_page_opens_in_both_languages_and_tells_no_secret(one_of_each, person, row, lang):
    answer = person("admin").get(f"{concrete(row.path)}?lang={lang}")

    assert answer.status_code == 200
    assert DB_PASSWORD not in answer.text
    assert SECRET not in answer.text


@pytest.mark.parametrize("row", [row for row in PAGES if row.live], ids=lambda row: row.path)
def test_the_live_part_of_a_page_is_what_the_page_shows_and_holds_no_form(one_of_each, person, row):
    browser = person("admin", name="secretive")

    answer = browser.client.get(live_path(concrete(row.path)), headers={"Accept": "text/event-stream"})
    _, event = islice(answer.response, 2)

    assert answer.status_code == 200
    assert b"<form" not in event
    assert b"secretive" not in event


@pytest.mark.parametrize("row", PAGES, ids=lambda row: row.path)
def test_nobody_reads_a_page_without_signing_in(stranger, row):
    answer = stranger.get(concrete(row.path))

    assert answer.status_code == 303
    assert answer.location.startswith("/sign-in?to=/")


@pytest.mark.parametrize("row", [row for row in PAGES if row.live], ids=lambda row: row.path)
def test_nobody_follows_a_page_without_signing_in(stranger, row):
    answer = stranger.client.get(live_path(concrete(row.path)), headers={"Accept": "text/event-stream"})

    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/", "/nothing", "/welcome?ticket=x"])
def test_every_page_forbids_what_is_not_ours(person, path):
    check_policy(person("admin").get(path).headers)


def test_the_page_that_asks_who_one_is_forbids_it_too(stranger):
    check_policy(stranger.get("/sign-in").headers)


def check_policy(headers):

    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("row", PAGES, ids=lambda row: row.path)
def test_no_page_has_anything_inline_or_from_elsewhere(one_of_each, person, row):
    text = person("admin").get(concrete(row.path)).text

    assert "<style" not in text
    assert "style=" not in text
    assert " onclick=" not in text
    assert "<script>" not in text
    assert 'src="http' not in text
    assert 'rel="stylesheet" href="/static/' in text


def test_a_page_that_is_not_there_is_a_page_for_a_browser_and_a_problem_for_a_program(person):
    browser = person("viewer")

    assert browser.get("/nothing").mimetype == "text/html"
    assert browser.client.get("/nothing").mimetype == "application/problem+json"
    assert browser.get("/api/v1/nothing").mimetype == "application/problem+json"


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.path)
@pytest.mark.parametrize("trick", ["no token", "another's token", "another site", "no origin"])
def test_a_form_that_is_not_ours_does_nothing(house, person, form, trick):
    browser, other = person("admin"), person("admin")
    token = {"no token": "", "another's token": other.token()}.get(trick) or browser.token()
    origin = {"another site": "https://evil.example", "no origin": ""}.get(trick, "http://localhost")
    before = len(house.store.audit.entries())

    path = concrete(form.path)
    answer = browser.send(path, origin=origin, **({"form_token": token} if trick != "no token" else {}))

    assert answer.status_code == 403
    assert "nothing was done" in answer.text
    assert len(house.store.audit.entries()) == before


@pytest.mark.parametrize("form", [f for f in FORMS if f.role != "viewer"], ids=lambda form: form.path)
def test_a_form_is_for_those_who_may(person, form):
    path = concrete(form.path)

    answer = person("viewer").act(path)

    assert answer.status_code == 403


def test_the_bar_leads_to_pages_that_are_there_for_those_who_may():
    pages = {row.path: row for row in PAGES}

    for link in NAVIGATION:
        assert link.path in pages
        assert link.role == pages[link.path].role
