"""Bodies as forges really send them, when somebody has collected some, against what is expected of each."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from pipeline.delivery.run import NewRun
from pipeline.fleet.service import Environment, MergeRequests, Service
from pipeline.intake.decide import decide, decide_request
from pipeline.intake.push import Hook
from runners.forges import forge
from tests.runners.forges.bodies import FORM, NOW, proof, repository

PAYLOADS = Path(os.environ.get("SHIPWAY_PAYLOADS", Path(__file__).parents[4] / "shared" / "payloads"))
INDEX = PAYLOADS / "INDEX.json"
RECORDED = json.loads(INDEX.read_text()) if INDEX.exists() else []
PUSHES = ("push", "tag")
FROM_FORKS = "build-untrusted"  # so it is decided where forks are allowed

pytestmark = pytest.mark.skipif(
    not RECORDED, reason="no recorded bodies here; SHIPWAY_PAYLOADS names their folder"
)
each = pytest.mark.parametrize("entry", RECORDED, ids=lambda entry: entry["file"])


@pytest.fixture(params=["JSON", "form"])
def hook(entry: dict[str, Any], request: pytest.FixtureRequest) -> Hook:
    name = entry["forge"]
    body = (PAYLOADS / entry["file"]).read_bytes().removesuffix(b"\n")
    headers = {key.lower(): value for key, value in entry["headers"].items()}
    if request.param == "form":
        body, headers = urlencode({"payload": body}).encode(), headers | {"content-type": FORM}
    project = forge(name).project(headers, body)
    hook = forge(name).read(headers | proof(name, body), body, repository(name), NOW)
    assert hook.project == project != ""
    return hook


def runs(hook: Hook, forks: bool = True) -> list[NewRun]:
    everything = Environment("shop", "production", (), branches=("*",), tags=("*",))
    service = Service(
        "shop",
        repository(hook.forge),
        environments={"production": everything},
        merge_requests=MergeRequests(forks=forks),
    )
    decisions = [decide(push, service) for push in hook.pushes]
    decisions += [decide_request(request, service) for request in hook.requests]
    return [run for decision in decisions if not isinstance(decision, str) for run in decision]


@each
def test_a_recorded_body_is_decided_as_expected(entry, hook):
    assert bool(runs(hook)) == entry["decision"].startswith("build")
    assert bool(hook.pushes or hook.requests) != bool(hook.note)


@each
def test_nothing_from_a_fork_is_built_unless_the_operator_allows_it(entry, hook):
    assert bool(runs(hook, forks=False)) == (entry["decision"] == "build")


@pytest.mark.parametrize(
    "entry", [entry for entry in RECORDED if entry["kind"] == "pr"], ids=lambda entry: entry["file"]
)
def test_a_recorded_merge_request_builds_its_head_for_no_environment(entry, hook):
    body = json.loads((PAYLOADS / entry["file"]).read_bytes())
    head = entry.get("head_sha") or body["pullRequest"]["fromRef"]["latestCommit"]

    (run,) = runs(hook)

    assert (run.commit, run.environment, run.kind) == (head, "", "merge_request")
    assert run.fork == (entry["decision"] == FROM_FORKS)
    assert str(run.merge_request) in run.ref
    assert run.ref.startswith("refs/")
    assert run.target in ("main", "master")
    assert run.message
    assert run.requested_by not in ("push:", "push:unknown")


@pytest.mark.parametrize(
    "entry", [entry for entry in RECORDED if entry["kind"] in PUSHES], ids=lambda entry: entry["file"]
)
def test_a_recorded_push_builds_its_commit(entry, hook):
    body = json.loads((PAYLOADS / entry["file"]).read_bytes())
    commit = (
        entry.get("checkout_sha") or entry.get("after") or body["push"]["changes"][0]["new"]["target"]["hash"]
    )

    (run,) = runs(hook)

    assert run.commit == commit
    assert run.requested_by not in ("push:", "push:unknown")
    assert run.message
