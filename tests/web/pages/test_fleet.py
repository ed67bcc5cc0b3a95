"""Hosts, deliveries, the audit, and the difference between releases."""

from dataclasses import replace

import pytest

from pipeline.fleet.service import Repository
from pipeline.web.app import create_app
from pipeline.web.fleet_answers import HostsAnswer
from pipeline.web.pages.difference import compare_address, lines_of
from pipeline.web.pages.hosts import state_of, warnings_of
from pipeline.web.views import release_view
from tests.web.conftest import DB_PASSWORD, SECRET
from tests.web.deployed import bring
from tests.web.pages.conftest import PASSWORD, Browser
from tests.web.pages.test_overview import HOSTILE
from tests.web.test_hooks import SIGNED, push
from tests.web.test_pools import POOL, made


@pytest.fixture
def admin(person):
    return person("admin", name="ada")


# ------------------------------------------------------------------------------------------------ hosts


def test_hosts_say_whether_they_answer_the_silent_first(admin):
    text = admin.get("/hosts").text

    assert text.index("web-2") < text.index(">web-1<")
    assert "connection refused" in text
    assert "silent" in text
    assert "reachable" in text


def test_pools_are_shown_with_what_became_of_each_machine(house, person):
    machine = made(house, 1)
    house.store.pools.want("web", 2, f"the evening {HOSTILE}", "scaling")
    settings = replace(house.ports.settings, pools={"web": POOL})
    browser = Browser(
        create_app(replace(house.ports, settings=settings, pools=house.store.pools)).test_client()
    )
    person("viewer", name="grace")
    browser.send("/sign-in", name="grace", password=PASSWORD)

    text = browser.get("/hosts").text

    for shown in (
        "Pool web",
        "2 machines wanted, 1 to 10 allowed",
        "joining",
        machine.name,
        "i-1",
        "the evening",
    ):
        assert shown in text
    assert HOSTILE not in text


def test_the_checklist_of_a_host_is_a_page(admin):
    text = admin.get("/hosts/web-1/checklist").text

    assert "front (generation 7) runs" in text
    assert "load balancer" in text
    assert 'href="/hosts/web-1/checklist"' in admin.get("/hosts/web-1").text


def test_a_bound_reader_sees_the_hosts_of_their_environments(person):
    browser = person("viewer", "shop/test")

    text = browser.get("/hosts").text

    assert "web-1" in text
    assert "web-2" not in text
    assert "blog" not in text
    assert browser.get("/hosts/web-2").status_code == 404


def test_a_host_is_drained_with_a_reason_and_taken_back(house, admin):
    bring(house, house.release().number)

    answer = admin.act("/hosts/web-1/drain", reason=f"new disk {HOSTILE}", force="1")
    drained = admin.get("/hosts/web-1").text
    back = admin.act("/hosts/web-1/resume")

    assert answer.location == "/hosts/web-1"
    assert "drained (by user:ada: new disk &lt;script&gt;" in drained
    assert back.location == "/hosts/web-1"
    assert [entry["action"] for entry in house.store.audit.entries()[:2]] == ["host.resume", "host.drain"]


def test_an_unknown_host_is_said(admin):
    assert admin.get("/hosts/none").status_code == 404


@pytest.mark.parametrize(
    ("changes", "state", "warnings"),
    [
        ({}, "reachable", []),
        ({"reachable": False}, "silent", []),
        ({"reachable": None}, "unknown", []),
        ({"reachable": None, "environments": []}, "unused", []),
        ({"drained": "it is drained"}, "drained", []),
        ({"free_bytes": 1 << 29}, "reachable", [("space", "0.5")]),
        ({"clock_skew": -9.0}, "reachable", [("clock", "-9")]),
    ],
)
def test_a_host_is_told_in_one_word_and_what_is_odd_about_it(client, house, changes, state, warnings):
    told = client.get("/api/v1/hosts", headers=house.token("viewer")).text
    host = HostsAnswer.model_validate_json(told).hosts[0].model_copy(update=changes)

    assert state_of(host) == state
    assert warnings_of(host) == warnings


# ------------------------------------------------------------------------------------------------ deliveries


@pytest.fixture
def told(client):
    """1: started; 2: ignored."""
    for hook in (push(), push("refs/heads/elsewhere", after="d" * 40)):
        client.post("/hooks/gitlab", json=hook, headers=SIGNED)


def test_deliveries_are_searched_and_their_runs_linked(told, admin):
    everything, ignored = admin.get("/deliveries").text, admin.get("/deliveries?outcome=ignored").text

    assert '<a href="/deliveries/1">' in everything
    assert '<a href="/runs/1">' in everything
    assert '<a href="/deliveries/2">' in ignored
    assert '<a href="/deliveries/1">' not in ignored
    assert "Nothing was found" in admin.get("/deliveries?q=nowhere").text


def test_a_delivery_shows_what_came_without_its_proof(told, admin):
    text = admin.get("/deliveries/1").text

    assert "refs/heads/main" in text
    assert SECRET not in text


def test_a_delivery_is_decided_again(told, house, admin):
    answer = admin.act("/deliveries/1/replay")

    assert answer.location == "/deliveries/3"
    assert house.store.audit.entries()[0]["actor"] == "user:ada"
    assert house.store.runs.runs("shop")[0].requested_by == "user:ada"


def test_deliveries_are_not_for_somebody_bound(person):
    browser = person("admin", "shop")

    assert browser.get("/deliveries").status_code == 403
    assert 'href="/deliveries"' not in browser.get("/").text


def test_with_no_delivery_the_page_says_where_to_send_them(admin):
    assert "http://127.0.0.1:8080/hooks/gitlab" in admin.get("/deliveries").text


# ------------------------------------------------------------------------------------------------ audit


def test_the_audit_is_escaped_and_for_administrators(house, admin, person):
    house.store.audit.note(HOSTILE, "look", HOSTILE, HOSTILE)

    text = admin.get("/audit").text

    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert "sign-in" in text
    assert person("deployer").get("/audit").status_code == 403


# ------------------------------------------------------------------------------------------------ releases


def test_a_release_is_compared_with_the_one_before_it(house, admin):
    first = house.release()
    spec = replace(first.spec, env={"LOG": "debug"}, memory=1 << 28)
    house.store.releases.add(replace(first, spec=spec, commit="e" * 40))

    text = admin.get("/services/shop/releases/2").text

    assert "<del>info</del>" in text
    assert "<ins>debug</ins>" in text
    assert "From release 1 to 2" in text
    assert f"https://git.example.com/acme/shop/-/compare/{first.commit}...{'e' * 40}" in text
    assert DB_PASSWORD not in text


def test_it_is_compared_with_any_other_from_the_older_to_the_newer(house, admin):
    for _ in range(3):
        house.release()

    assert "From release 1 to 3" in admin.get("/services/shop/releases/1?with=3").text
    assert admin.get("/services/shop/releases/1?with=9").status_code == 404
    assert admin.get("/services/shop/releases/1?with=x").status_code == 400
    assert admin.get("/services/shop/releases/9").status_code == 404


def test_the_value_of_a_secret_is_no_difference(house):
    old, new = release_view(house.release()), release_view(house.release())

    assert [line.name for line in lines_of(old, new) if line.changed] == []
    assert [(line.new, line.changed) for line in lines_of(old, new) if line.name == "secret DB_URL"] == [
        ("***", False)
    ]


@pytest.mark.parametrize(
    ("forge", "url", "address"),
    [
        ("gitlab", "https://me:pw@g.example.com/a/b.git", "https://g.example.com/a/b/-/compare/x...y"),
        ("github", "https://github.com/a/b", "https://github.com/a/b/compare/x...y"),
        ("gitea", "git@g.example.com:a/b.git", ""),
        ("git", "https://g.example.com/a/b.git", ""),
        ("gitlab", "javascript://g.example.com/a", ""),
    ],
)
def test_the_forges_own_page_of_the_commits_is_linked_where_there_is_one(forge, url, address):
    assert compare_address(Repository(url, forge), "x", "y") == address
    assert compare_address(Repository(url, forge), "", "y") == ""
