"""A service's page: its environments, runs, releases and configuration."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pipeline.rollout.deployment import Status
from pipeline.rollout.rollback import scale
from pipeline.scaling.group import Decided, Figure, Memory, Verdict
from pipeline.scaling.policy import Measure, Scaling, Target
from pipeline.secret import Secret
from pipeline.web.app import create_app
from pipeline.web.pages.release_rows import Past, option_of
from pipeline.web.views import release_view
from tests.web.conftest import DB_PASSWORD, SECRET
from tests.web.deployed import bring, three_good_releases
from tests.web.pages.conftest import PASSWORD, Browser
from tests.web.pages.test_overview import HOSTILE, add_run


@pytest.fixture
def deployer(person):
    return person("deployer", name="ada")


def test_it_shows_what_is_live_with_each_replica_and_the_runs(house, deployer):
    bring(house, house.release().number)
    run = add_run(house)

    text = deployer.get("/services/shop").text

    assert "10.0.0.1:20000" in text
    assert "connection refused" in text
    assert f'<a href="/runs/{run.id}">{run.id}</a>' in text
    assert "https://git.example.com/acme/shop.git" in text


def test_configuration_is_shown_as_it_was_understood_and_secrets_by_name(house, deployer):
    bring(house, house.release().number)

    text = deployer.get("/services/shop").text

    assert "rollout.healthy_for" in text
    assert "haproxy:3.2" in text
    assert DB_PASSWORD not in text
    assert SECRET not in text


def test_what_is_live_and_not_configured_so_is_told(house, deployer):
    bring(house, house.release().number)

    text = deployer.get("/services/shop").text

    assert "production: what is live is not what is configured" in text
    assert "not at all: DB_URL" in text
    assert "/services/shop/environments/production/deploy?release=1" in text


def test_an_environment_that_is_as_configured_has_no_banner(house, deployer):
    assert "what is live is not what is configured" not in deployer.get("/services/shop").text


def test_somebodys_scaling_is_told_until_the_file_says_the_same(house, deployer):
    bring(house, house.release().number)
    scale("shop", "production", 3, "ada", house.ports)

    assert "3 ≠ 2" in deployer.get("/services/shop").text


def test_runs_come_in_pages_and_by_environment(house, deployer):
    numbers = [add_run(house, environment=("test", "production")[n % 2]).id for n in range(40)]

    first = deployer.get("/services/shop?environment=test").text
    second = deployer.get(f"/services/shop?environment=test&cursor={numbers[10]}").text

    assert f">{numbers[38]}</a></td>" in first
    assert f">{numbers[39]}</a></td>" not in first
    assert "Older" in first
    assert f">{numbers[8]}</a></td>" in second
    assert f">{numbers[38]}</a></td>" not in second


@pytest.mark.parametrize("query", ["cursor=x", "cursor=-1", "cursor=99999999999999999999", "status=odd"])
def test_a_query_that_makes_no_sense_is_refused_in_words(deployer, query):
    answer = deployer.get(f"/services/shop?{query}")

    assert answer.status_code == 400
    assert "was refused" in answer.text


@pytest.mark.parametrize("path", ["/services/none", "/services/none/releases", "/services/%3Cscript%3E"])
def test_a_service_that_is_not_there_is_said(deployer, path):
    answer = deployer.get(path)

    assert answer.status_code == 404
    assert "<script>" not in answer.text


def test_a_service_beyond_somebodys_bounds_is_refused(person):
    browser = person("deployer", "shop/test")

    assert browser.get("/services/blog").status_code == 403
    assert browser.get("/services/shop/environments/production/rollback").status_code == 403
    assert "production" not in browser.get("/services/shop").text


def test_nothing_that_somebody_wrote_becomes_markup(house, deployer):
    add_run(house, ref=HOSTILE, message=HOSTILE, requested_by=HOSTILE)
    house.store.releases.add(
        replace(house.release(), ref=HOSTILE, commit=HOSTILE, image=f"{HOSTILE}@sha256:1")
    )

    for path in ("/services/shop", "/services/shop/releases"):
        text = deployer.get(path).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;" in text


def test_who_only_reads_is_offered_nothing_to_do(house, person):
    three_good_releases(house)

    text = person("viewer").get("/services/shop").text

    assert "<button>" not in text
    assert "/rollback" not in text
    assert 'action="/services' not in text


# ------------------------------------------------------------------------------------------------ releases


@pytest.mark.parametrize(
    ("past", "old", "barred", "note", "back"),
    [
        (Past("production", 1, (1,), 5, None), False, "It is live.", "", False),
        (Past("production", 3, (3, 1), 5, 1), False, "It is on its way already.", "", False),
        (Past("production", 3, (3,), 5, None), True, "Its image may be gone", "", False),
        (Past("production", 3, (3,), 5, None), False, "", "It was never good here", False),
        (Past("production", 3, (3, 1), 5, None), True, "", "still on the hosts", True),
        (Past("production", 3, (3, 1), 1, None), True, "", "pulled first", True),
        (Past("test", None, (), 5, None), False, "", "Made for another environment", False),
    ],
)
def test_a_row_says_whether_one_may_go_there_and_why_not(house, past, old, barred, note, back):
    option = option_of(release_view(house.release()), past, old)

    assert option.barred.startswith(barred)
    assert bool(option.barred) == bool(barred)
    assert note in option.note
    assert option.back is back


def test_old_releases_are_marked_by_the_clock(house):
    three_good_releases(house)
    number = house.release().number

    class Later:
        def now(self):
            return house.ports.clock.now() + timedelta(days=100)

        def sleep(self, seconds):
            """Nobody waits in a test."""

    house.store.users.create("eve", "viewer", (), Secret(PASSWORD))
    browser = Browser(create_app(replace(house.ports, clock=Later())).test_client())
    browser.send("/sign-in", name="eve", password=PASSWORD)

    assert number == 4
    assert "older than retention.age" in browser.get("/services/shop/releases").text


def test_a_release_under_way_is_not_offered_twice(house, deployer):
    bring(house, house.release().number)
    bring(house, house.release().number, Status.ROLLING)

    assert "It is on its way already." in deployer.get("/services/shop/releases").text


def test_an_admin_freezes_an_environment_and_lifts_it_again(house, person):
    admin, deployer = person("admin", name="eve"), person("deployer", name="ada")

    done = admin.act("/services/shop/environments/production/freeze", until="2h", why="<b>sale</b>")
    (set_now,) = house.store.freezes.freezes()
    shown, read = admin.get("/services/shop").text, deployer.get("/services/shop").text
    refused = deployer.act(f"/services/shop/freezes/{set_now.id}/lift")
    lifted = admin.act(f"/services/shop/freezes/{set_now.id}/lift")

    assert done.location == lifted.location == "/services/shop#freezes"
    assert (set_now.service, set_now.environment, set_now.by) == ("shop", "production", "user:eve")
    assert "&lt;b&gt;sale&lt;/b&gt;" in shown
    assert f'action="/services/shop/freezes/{set_now.id}/lift"' in shown
    assert "&lt;b&gt;sale" in read
    assert "<button>Lift</button>" not in read
    assert "/environments/production/freeze" not in read
    assert refused.status_code == 403
    assert house.store.freezes.freezes() == []


def test_a_moment_that_is_none_is_told_and_nothing_is_frozen(house, person):
    answer = person("admin").act("/services/shop/environments/production/freeze", until="soon")

    assert answer.status_code == 400
    assert "Nothing is frozen" in answer.text
    assert house.store.freezes.freezes() == []


def test_what_scales_by_itself_shows_its_bounds_targets_and_decisions(house, person):
    scaling = Scaling(2, 8, (Target(Measure.CPU, 60.0),))
    shop = house.ports.settings.services["shop"]
    production = replace(shop.environments["production"], scaling=scaling)
    settings = replace(
        house.ports.settings,
        services={"shop": replace(shop, environments=shop.environments | {"production": production})},
    )
    now = house.ports.clock.now()
    figures = (Figure("cpu", 60.0, 91.5),)
    memory = Memory(at=now, verdict=Verdict.AT_MAX, reason="at most 8 allowed", size=8, figures=figures)
    line = Decided("shop/production", now, Verdict.OUT, 2, 8, "cpu is 240 %", 7)
    house.store.scaling.save({"shop/production": memory}, [line])
    ports = replace(house.ports, settings=settings, scaling=house.store.scaling)
    browser = Browser(create_app(ports).test_client())
    person("deployer", name="grace")
    browser.send("/sign-in", name="grace", password=PASSWORD)

    text = browser.get("/services/shop").text

    for shown in (
        "2 to 8 now",
        "91.5",
        "target 60",
        "at most 8 allowed",
        "2 → 8",
        "cpu is 240 %",
        "/deployments/7",
    ):
        assert shown in text
