"""Everything at once: what is live, how it is, what moves."""

from datetime import datetime, timedelta

import pytest

from pipeline.delivery.run import NewRun
from pipeline.fleet.window import Freeze
from pipeline.lease import run_key
from pipeline.rollout.deployment import Status
from pipeline.rollout.rollback import deploy_release
from tests.web.conftest import COMMIT, House
from tests.web.deployed import bring

OVERVIEW = "/api/v1/overview"


def place(client, house: House, query: str = "", headers=None) -> dict:
    answer = client.get(f"{OVERVIEW}{query}", headers=headers or house.token("viewer"))
    assert answer.status_code == 200, answer.text
    return next(
        p for p in answer.json["places"] if (p["service"], p["environment"]) == ("shop", "production")
    )


def test_nothing_is_live_at_first(client, house):
    found = place(client, house)

    assert (found["condition"], found["live"], found["wanted"], found["healthy"]) == ("empty", None, 0, None)


def test_the_books_alone_tell_what_is_live_and_since_when(client, house):
    bring(house, house.release().number)

    found = place(client, house)

    assert (found["condition"], found["live"], found["commit"], found["ref"]) == ("well", 1, COMMIT, "main")
    assert found["since"]
    assert (found["wanted"], found["healthy"]) == (4, None)


def test_with_look_engines_say_how_many_run_and_sick_ones_are_first(client, house):
    bring(house, house.release().number)
    headers = house.token("viewer")

    found = place(client, house, "?look=1", headers)

    assert (found["condition"], found["healthy"]) == ("sick", 1)
    assert found["why"] == "web-2 does not answer: connection refused"
    assert client.get(f"{OVERVIEW}?look=1", headers=headers).json["places"][0] == found


def test_what_moves_is_told_with_its_hosts(client, house):
    number = bring(house, house.release().number, Status.ROLLING)

    found = place(client, house, "?look=1")

    assert found["condition"] == "moving"
    assert found["deployment"]["id"] == number
    assert found["deployment"]["phases"]["web-1"] == "baking"


def test_a_run_that_waits_for_a_worker_moves(client, house):
    run = house.store.runs.add(NewRun("shop", "production", "branch", "main", COMMIT, "push:ada"))

    found = place(client, house)

    told = found["run"]
    assert (found["condition"], told["id"], told["status"], told["stage"]) == (
        "moving",
        run.id,
        "queued",
        None,
    )
    assert (told["waits"], told["held"], told["until"], told["done"], told["total"]) == (
        False,
        "",
        None,
        0,
        5,
    )


def hold(house: House, why: str) -> int:
    run = house.store.runs.add(
        NewRun("shop", "production", "branch", "main", COMMIT, "push:ada", "Sell more")
    )
    lease = house.store.leases.take(run_key(run.id), "w", 30)
    house.store.runs.begin(run.id, lease)
    house.store.runs.hold(run.id, why, lease)
    return run.id


def test_a_run_that_a_freeze_holds_is_told_with_its_end(client, house):
    number = hold(house, "waits for the end of the freeze: Christmas")
    until = house.ports.clock.now() + timedelta(hours=2)
    house.store.freezes.add(
        Freeze(until - timedelta(hours=3), until, "Christmas", 0, "shop", "production", "ada")
    )

    found = place(client, house)

    assert found["condition"] == "held"
    assert (found["run"]["id"], found["run"]["held"]) == (
        number,
        "waits for the end of the freeze: Christmas",
    )
    assert datetime.fromisoformat(found["run"]["until"]) == until


def test_the_deployment_at_work_is_told_and_not_one_that_waits_behind_it(client, house):
    first = bring(house, house.release().number, Status.ROLLING)
    deploy_release("shop", "production", house.release().number, None, "test", house.ports)

    assert place(client, house)["deployment"]["id"] == first


def test_what_failed_last_is_told_until_something_succeeds(client, house):
    headers = house.token("viewer")
    number = bring(house, house.release().number, Status.FAILED)

    failed = place(client, house, "", headers)["failure"]
    bring(house, house.release().number)

    assert (failed["kind"], failed["id"], failed["status"]) == ("deployment", number, "failed")
    assert place(client, house, "", headers)["failure"] is None


def test_a_release_that_did_not_stay_is_told(client, house):
    bring(house, house.release().number)
    bring(house, house.release().number, Status.FAILED)

    found = place(client, house)

    assert (found["condition"], found["live"]) == ("back", 1)
    assert found["why"].startswith("release 2 failed")


@pytest.mark.parametrize(("scopes", "seen"), [(("shop/test",), [("shop", "test")]), (("blog",), None)])
def test_a_bound_token_sees_its_places(client, house, scopes, seen):
    answer = client.get(OVERVIEW, headers=house.token("viewer", *scopes)).json["places"]

    expected = seen or [("blog", "production"), ("blog", "test")]
    assert sorted((p["service"], p["environment"]) for p in answer) == expected


@pytest.mark.parametrize(
    ("query", "status"), [("?service=shop", 200), ("?service=moon", 404), ("?look=2", 400)]
)
def test_a_service_may_be_named(client, house, query, status):
    assert client.get(f"{OVERVIEW}{query}", headers=house.token("viewer")).status_code == status
