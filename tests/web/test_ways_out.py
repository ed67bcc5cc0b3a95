"""What the API refuses ends in what to type now: the command prints it as it stands."""

import re

import pytest

from pipeline.cli import COMMANDS
from pipeline.delivery.run import NewRun
from pipeline.rollout.deployment import Status
from tests.web.conftest import COMMIT, House
from tests.web.deployed import bring

PLACE = "/api/v1/services/shop/environments/production"


def refusal(
    client, house: House, method: str, path: str, body=None, role: str = "deployer"
) -> tuple[int, str]:
    answer = client.open(path, method=method, json=body, headers=house.token(role) if role else {})
    assert answer.status_code >= 400, answer.text
    return answer.status_code, answer.json["detail"]


def at_work(house: House) -> int:
    bring(house, house.release().number)
    return bring(house, house.release().number, Status.ROLLING)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/api/v1/services/shopp/environments/production", "Did you mean 'shop'?"),
        ("/api/v1/services/shop/environments/prodution", "Did you mean 'production'?"),
        ("/api/v1/services/moon", "`shipway services`"),
        ("/api/v1/runs/99", "`shipway runs`"),
        ("/api/v1/deployments/99", "`shipway deployments`"),
        ("/api/v1/services/shop/releases/99", "`shipway releases`"),
    ],
)
def test_what_there_is_not_is_told_with_what_there_is(client, house, path, said):
    status, detail = refusal(client, house, "GET", path)

    assert (status, said in detail) == (404, True)
    assert set(re.findall(r"`shipway (\w+)", detail)) & set(COMMANDS)


def test_nobody_and_a_wrong_role_are_told_who_makes_a_token(client, house):
    nobody = refusal(client, house, "GET", "/api/v1/runs", role="")
    viewer = refusal(client, house, "POST", f"{PLACE}/rollback", {}, role="viewer")

    assert (nobody[0], "`shipway token create NAME`" in nobody[1]) == (401, True)
    assert (viewer[0], "`shipway token create NAME --role deployer`" in viewer[1]) == (403, True)


def test_nothing_to_go_back_to_is_told_with_what_can_be_deployed(client, house):
    status, detail = refusal(client, house, "POST", f"{PLACE}/rollback", {})

    assert (status, "`shipway deploy shop production --release N`" in detail) == (409, True)


def test_what_is_at_work_is_told_with_how_to_wait_and_how_to_end_it(client, house):
    number = at_work(house)

    scaled = refusal(client, house, "POST", f"{PLACE}/scale", {"replicas": 3})
    again = refusal(client, house, "POST", f"/api/v1/deployments/{number}/retry", {}, role="admin")

    assert f"`shipway follow {number}`" in scaled[1]
    assert f"`shipway abort {number}`" in scaled[1]
    assert f"`shipway follow {number}`" in again[1]
    assert {scaled[0], again[0]} == {409}


def test_a_run_that_is_over_or_still_queued_is_told_with_what_to_do(client, house):
    run = house.store.runs.add(NewRun("shop", "production", "branch", "main", COMMIT, "push:ada")).id

    queued = refusal(client, house, "POST", f"/api/v1/runs/{run}/retry", {})
    house.store.runs.cancel(run)
    over = refusal(client, house, "POST", f"/api/v1/runs/{run}/cancel", {}, role="admin")

    assert f"`shipway run cancel {run}` ends it" in queued[1]
    assert f"`shipway run show {run}`" in over[1]
    assert {queued[0], over[0]} == {409}
