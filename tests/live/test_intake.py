"""GitLab's webhooks at a running Shipway: merge requests, pushes one upon the other, pushes that change nothing."""

import itertools
from typing import Any

import pytest

from tests.parts.house import House
from tests.parts.repository import SampleRepository

pytestmark = pytest.mark.live

ZEROS = "0" * 40
numbers = itertools.count(1)


@pytest.fixture
def tested() -> bool:
    return True


@pytest.fixture
def forge(house: House) -> House:
    """A house whose repository lies at a GitLab, so that webhooks may be sent to it."""
    service = house.config["services"][house.service]
    service["repository"] |= {"forge": "gitlab", "project": "acme/shop"}
    service["ignore"] = ["*.md"]
    return house.start()


def hook(house: House, event: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {
        "X-Gitlab-Event": event,
        "X-Gitlab-Token": house.secret,
        "Idempotency-Key": f"{house.service}-{next(numbers)}",
    }
    sent = body | {"project": {"path_with_namespace": "acme/shop"}, "user_username": "ada"}
    status, answer = house.call("POST", "/hooks/gitlab", sent, headers)
    assert status in (200, 202), answer
    return dict(answer)


def push(house: House, shop: SampleRepository, commit: str) -> int:
    shop.push()
    body = {"object_kind": "push", "ref": "refs/heads/main", "before": ZEROS, "after": commit}
    (run,) = hook(house, "Push Hook", body | {"checkout_sha": commit, "commits": []})["runs"]
    return int(run)


def ask(house: House, shop: SampleRepository, commit: str, source: int = 1) -> dict[str, Any]:
    shop.git("push", "-q", "-f", "origin", f"{commit}:refs/merge-requests/7/head")
    asked = {"iid": 7, "action": "open", "title": "Please", "source_branch": "x", "target_branch": "main"}
    ends = {"source_project_id": source, "target_project_id": 1, "last_commit": {"id": commit}}
    return hook(
        house, "Merge Request Hook", {"object_kind": "merge_request", "object_attributes": asked | ends}
    )


def statuses(run: dict[str, Any]) -> list[str]:
    return [stage["status"] for stage in run["stages"]]


def deployments(house: House) -> list[dict[str, Any]]:
    return list(house.get(f"/deployments?service={house.service}")["deployments"])


def test_a_merge_request_is_built_and_tested_while_what_is_live_stays(
    forge: House, shop: SampleRepository
) -> None:
    live = forge.finished_run(push(forge, shop, shop.commit("1")))
    assert live["status"] == "succeeded", live

    (number,) = ask(forge, shop, shop.commit("2"))["runs"]
    run = forge.finished_run(number)

    assert (run["status"], run["merge_request"], run["environment"]) == ("succeeded", 7, ""), run
    assert statuses(run) == [*["succeeded"] * 3, "skipped", "skipped"]
    assert "never published nor deployed" in run["stages"][4]["detail"]["skipped"]
    assert forge.get(forge.environment)["live"] == live["release"]
    assert len(deployments(forge)) == 1
    assert "merge request 7" in forge.shipway("runs")
    assert "comes from a fork" in ask(forge, shop, run["commit"], source=2)["ignored"]


def test_a_push_that_changes_only_what_is_ignored_ends_at_once(forge: House, shop: SampleRepository) -> None:
    live = forge.finished_run(push(forge, shop, shop.commit("1")))
    (shop.tree / "NOTES.md").write_text("Nothing to build.\n")
    shop.git("add", "-A")
    shop.git("commit", "-q", "-m", "Note")

    run = forge.finished_run(push(forge, shop, shop.git("rev-parse", "HEAD").strip()))

    assert (run["status"], run["deployment"]) == ("succeeded", None), run
    assert statuses(run) == ["succeeded", *["skipped"] * 4]
    why = (
        f"Nothing outside *.md changed since release {live['release']} ({live['commit'][:12]}), which is live"
    )
    assert run["stages"][1]["detail"]["skipped"].startswith(why)


def test_five_pushes_one_upon_the_other_are_two_deployments_at_most(
    forge: House, shop: SampleRepository
) -> None:
    runs = [push(forge, shop, shop.commit(str(version))) for version in range(1, 6)]

    ended = [forge.finished_run(number) for number in runs]

    assert ended[-1]["status"] == "succeeded", ended[-1]
    assert len(deployments(forge)) <= 2
    early = [run for run in ended if run["status"] == "superseded"]
    assert len(early) >= 3
    assert all(run["error"].startswith("Run ") and "took its place" in run["error"] for run in early)
    assert forge.get(forge.environment)["live"] == ended[-1]["release"]
