"""The calls about runs."""

import io

import pytest

from pipeline.delivery.report import Case, CommandResult, Totals
from pipeline.delivery.report import TestOutcome as Outcome
from pipeline.delivery.run import NewRun, Stage, StageName, StageStatus
from pipeline.lease import run_key
from tests.web.conftest import COMMIT, House

START = "/api/v1/services/shop/environments/production/runs"


@pytest.fixture
def headers(house):
    return house.token("deployer", name="ci")


def add(house: House, environment: str = "production", service: str = "shop") -> int:
    return house.ports.runs.add(NewRun(service, environment, "branch", "main", COMMIT, "push:ada")).id


def test_a_run_is_started_from_a_ref(client, house, headers):
    answer = client.post(START, json={"ref": "main"}, headers=headers)

    assert answer.status_code == 202
    run = house.ports.runs.run(answer.json["run"])
    assert (run.ref, run.commit, run.requested_by) == ("main", COMMIT, "api:ci")
    assert house.queue.woken == [f"run {run.id}"]


def test_a_dead_queue_does_not_stop_a_run_from_being_asked_for(client, house, headers):
    house.queue.down = True

    assert client.post(START, json={"ref": "main"}, headers=headers).status_code == 202


@pytest.mark.parametrize(
    "body", [{}, {"ref": ""}, {"ref": "-x"}, {"ref": 5}, {"ref": "a\0b"}, {"ref": "x" * 256}, [], "x"]
)
def test_refs_that_cannot_be_one_are_refused_with_the_field(client, headers, body):
    answer = client.post(START, json=body, headers=headers)

    assert answer.status_code == 400
    assert answer.json["errors"]


def test_an_unknown_field_is_refused_by_its_name(client, headers):
    answer = client.post(START, json={"ref": "main", "branch": "main"}, headers=headers)

    assert answer.status_code == 400
    assert "'branch'" in answer.json["detail"]


def test_a_ref_that_the_repository_does_not_have_is_404(client, headers):
    answer = client.post(START, json={"ref": "gone"}, headers=headers)

    assert answer.status_code == 404
    assert "gone" in answer.json["detail"]


@pytest.mark.parametrize("path", ["shop/environments/moon", "cheese/environments/test"])
def test_unknown_services_and_environments_are_404_and_name_the_known_ones(client, headers, path):
    answer = client.post(f"/api/v1/services/{path}/runs", json={"ref": "main"}, headers=headers)

    assert answer.status_code == 404
    assert "production" in answer.json["detail"] or "shop" in answer.json["detail"]


def test_a_run_is_shown_with_all_five_stages(client, house, headers):
    number = add(house)

    answer = client.get(f"/api/v1/runs/{number}", headers=headers).json

    assert [stage["name"] for stage in answer["stages"]] == [str(name) for name in StageName]
    assert (answer["id"], answer["status"], answer["release"], answer["deployment"]) == (
        number,
        "queued",
        None,
        None,
    )
    assert answer["created_at"].endswith("Z")


def said_by_tests(house: House, run: int, outcome: Outcome) -> None:
    lease = house.store.leases.take(run_key(run), "me", 60.0)
    assert lease
    house.store.runs.begin(run, lease)
    stage = Stage(StageName.TEST, StageStatus.FAILED, error="The tests failed.", tests=outcome)
    house.store.runs.save_stage(run, stage, lease)


def test_what_tests_said_is_shown(client, house, headers):
    number = add(house)
    unit = CommandResult("unit", 1, 2.5, 2, Totals(11, 1, 1, 3), (Case("a::b", "1 != 2"),), 81.5)
    said_by_tests(house, number, Outcome((CommandResult("lint", 0, 0.5), unit)))

    answer = client.get(f"/api/v1/runs/{number}", headers=headers).json

    assert answer["tests"] == {
        "passed": 11,
        "failed": 2,
        "skipped": 3,
        "coverage": 81.5,
        "commands": [
            {"name": "lint", "exit_code": 0, "seconds": 0.5, "attempts": 1},
            {"name": "unit", "exit_code": 1, "seconds": 2.5, "attempts": 2},
        ],
        "cases": [{"name": "a::b", "message": "1 != 2", "command": "unit"}],
    }
    assert [stage["attempts"] for stage in answer["stages"]] == [1, 1, 2, 1, 1]


def waiting(house: House) -> int:
    number = add(house)
    lease = house.store.leases.take(run_key(number), "me", 60.0)
    assert lease
    house.store.runs.begin(number, lease)
    house.store.runs.wait_for_approval(number, lease)
    house.store.leases.give_back(lease)
    return number


def test_a_run_that_waits_is_approved_by_name_and_woken(client, house, headers):
    number = waiting(house)
    assert client.get(f"/api/v1/runs/{number}", headers=headers).json["waits"] is True

    answer = client.post(f"/api/v1/runs/{number}/approve", headers=headers)

    assert (answer.status_code, answer.json) == (202, {"run": number, "status": "queued"})
    assert client.get(f"/api/v1/runs/{number}", headers=headers).json["approved_by"] == "api:ci"
    assert house.queue.woken == [f"run {number}"]
    assert house.ports.audit.entries()[0]["action"] == "run.approve"


def test_a_run_that_does_not_wait_cannot_be_approved(client, house, headers):
    answer = client.post(f"/api/v1/runs/{add(house)}/approve", headers=headers)

    assert answer.status_code == 409
    assert "does not wait for an approval: it is queued" in answer.json["detail"]


@pytest.mark.parametrize(
    ("role", "bounds"), [("viewer", ()), ("deployer", ("blog",)), ("deployer", ("shop/test",))]
)
def test_approving_takes_a_deployer_of_that_environment(client, house, role, bounds):
    number = waiting(house)

    assert (
        client.post(f"/api/v1/runs/{number}/approve", headers=house.token(role, *bounds)).status_code == 403
    )


def test_a_run_without_tests_has_none(client, house, headers):
    assert client.get(f"/api/v1/runs/{add(house)}", headers=headers).json["tests"] is None


def test_artifacts_are_listed_and_fetched(client, house, headers):
    number = add(house)
    house.ports.artifacts.keep(number, "site/index.html", 8, io.BytesIO(b"<script>"))

    listed = client.get(f"/api/v1/runs/{number}/artifacts", headers=headers)
    fetched = client.get(f"/api/v1/runs/{number}/artifacts/site/index.html", headers=headers)

    assert listed.json == {"artifacts": [{"path": "site/index.html", "size": 8}]}
    assert fetched.data == b"<script>"
    assert fetched.mimetype == "application/octet-stream"
    assert fetched.headers["Content-Disposition"] == "attachment"
    assert fetched.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["gone", "../../shipway.db", "index.json", "%2e%2e/x", "000001"])
def test_only_what_was_kept_is_an_artifact(client, house, headers, path):
    number = add(house)
    house.ports.artifacts.keep(number, "a", 1, io.BytesIO(b"x"))

    assert client.get(f"/api/v1/runs/{number}/artifacts/{path}", headers=headers).status_code == 404


def test_artifacts_of_other_services_are_not_for_everybody(client, house):
    number = add(house)
    house.ports.artifacts.keep(number, "a", 1, io.BytesIO(b"x"))
    stranger = house.token("viewer", "blog")

    assert client.get(f"/api/v1/runs/{number}/artifacts", headers=stranger).status_code == 403
    assert client.get(f"/api/v1/runs/{number}/artifacts/a", headers=stranger).status_code == 403


@pytest.mark.parametrize("number", ["0", "999", "99999999999", "99999999999999999999", "x", "-1", "1.5"])
def test_runs_that_do_not_exist_are_404(client, headers, number):
    assert client.get(f"/api/v1/runs/{number}", headers=headers).status_code == 404


def test_lists_are_filtered(client, house, headers):
    test, production = add(house, "test"), add(house)
    other = add(house, "test", "blog")

    def ids(query: str) -> list[int]:
        return [run["id"] for run in client.get(f"/api/v1/runs?{query}", headers=headers).json["runs"]]

    assert ids("") == [other, production, test]
    assert ids("service=shop") == [production, test]
    assert ids("service=shop&environment=test") == [test]
    assert ids("status=running") == []
    assert ids("status=queued&service=blog") == [other]


def test_pages_follow_each_other_without_a_gap(client, house, headers):
    numbers = [add(house) for _ in range(5)]
    seen, cursor = [], 0
    while cursor is not None:
        page = client.get(f"/api/v1/runs?limit=2&cursor={cursor}", headers=headers).json
        seen += [run["id"] for run in page["runs"]]
        cursor = page["next"]

    assert seen == numbers[::-1]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "cursor=-1", "status=odd", "colour=red", "cursor=9999999999"]
)
def test_bad_queries_are_refused_by_name(client, headers, query):
    answer = client.get(f"/api/v1/runs?{query}", headers=headers)

    assert answer.status_code == 400
    assert answer.json["errors"][0]["field"] == query.partition("=")[0]


def test_a_queued_run_is_cancelled_and_then_run_again(client, house, headers):
    number = add(house)

    cancelled = client.post(f"/api/v1/runs/{number}/cancel", headers=headers)
    again = client.post(f"/api/v1/runs/{number}/cancel", headers=headers)
    retried = client.post(f"/api/v1/runs/{number}/retry", headers=headers)

    assert (cancelled.status_code, cancelled.json) == (202, {"run": number, "status": "cancelled"})
    assert again.status_code == 409
    assert retried.status_code == 202
    assert house.ports.runs.run(retried.json["run"]).commit == COMMIT
    assert retried.json["run"] != number


def test_a_run_that_is_not_over_cannot_be_retried(client, house, headers):
    assert client.post(f"/api/v1/runs/{add(house)}/retry", headers=headers).status_code == 409


def test_what_was_asked_for_and_refused_stands_in_the_audit(client, house, headers):
    started = client.post(START, json={"ref": "main"}, headers=headers).json["run"]
    client.post(START, json={"ref": "gone"}, headers=headers)
    client.post(f"/api/v1/runs/{started}/cancel", headers=headers)

    entries = client.get("/api/v1/audit", headers=house.token("admin")).json["entries"]

    mine = [
        (entry["action"], entry["target"], entry["detail"]) for entry in entries if entry["actor"] == "ci"
    ]
    assert [line[:2] for line in mine] == [
        ("run.cancel", f"run {started}"),
        ("run.start", "shop/production"),
        ("run.start", "shop/production"),
    ]
    assert "refused" in mine[1][2]
    assert mine[2][2] == f'{{"ref":"main"}} accepted: run {started}'
