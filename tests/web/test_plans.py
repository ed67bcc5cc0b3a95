"""The call that tells every step of a deployment and changes nothing."""

import pytest

from tests.web.deployed import bring


def test_a_plan_shows_every_step_and_changes_nothing(client, house):
    house.release("test")  # runs there already, says the engine
    number = house.release("test").number
    viewer = house.token("viewer", "shop/test")

    answer = client.get(f"/api/v1/plan?service=shop&environment=test&release={number}", headers=viewer)

    assert answer.status_code == 200
    steps = answer.json["steps"]
    assert ("web-1", f"start replica 0 of release {number}") in [
        (step["host"], step["text"]) for step in steps
    ]
    assert steps[-1]["text"] == "it ends succeeded"
    assert (answer.json["release"], answer.json["live"]) == (number, None)
    assert house.ports.deployments.deployments() == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("service=shop&environment=test&release=9", 404),
        ("service=shop&environment=moon&release=1", 404),
        ("service=shop&environment=test", 409),
        ("service=shop", 400),
        ("service=shop&environment=test&release=x", 400),
    ],
)
def test_a_plan_that_cannot_be_made_says_why(client, house, query, status):
    assert client.get(f"/api/v1/plan?{query}", headers=house.token("viewer")).status_code == status


def test_a_plan_of_an_environment_beyond_the_bounds_is_refused(client, house):
    viewer = house.token("viewer", "shop/test")

    assert client.get("/api/v1/plan?service=shop&environment=production", headers=viewer).status_code == 403


def test_a_plan_tells_what_is_another_one_and_what_each_host_has(client, house):
    bring(house, house.release().number)
    number = house.release().number

    plan = client.get("/api/v1/plan?service=shop&environment=production", headers=house.token("viewer")).json

    assert (plan["planned"], plan["live"], plan["differences"]) == (number, 1, [])
    assert plan["hosts"][0] == {"host": "web-1", "running": {"1": 1}, "wanted": 2}
    assert {step["sign"] for step in plan["steps"]} <= {"", "+", "-", "~"}
