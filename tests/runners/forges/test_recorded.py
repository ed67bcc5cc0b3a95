"""Bodies as forges really send them, when somebody has collected some, against what is expected of each."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from pipeline.delivery.run import NewRun
from pipeline.fleet.service import Environment, Service
from pipeline.intake.decide import decide
from pipeline.intake.push import Hook
from runners.forges import forge
from tests.runners.forges.bodies import FORM, NOW, proof, repository

PAYLOADS = Path(os.environ.get("SHIPWAY_PAYLOADS", Path(__file__).parents[4] / "shared" / "payloads"))
INDEX = PAYLOADS / "INDEX.json"
RECORDED = json.loads(INDEX.read_text()) if INDEX.exists() else []
PUSHES = ("push", "tag")
# TODO(pull requests): once they are built, `build…` is expected of them as it is of pushes.
NOT_YET = ("pull requests are not built yet", "merge requests are not built yet")

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


def runs(hook: Hook) -> list[NewRun]:
    everything = Environment("shop", "production", (), branches=("*",), tags=("*",))
    service = Service("shop", repository(hook.forge), environments={"production": everything})
    decisions = [decide(push, service) for push in hook.pushes]
    return [run for decision in decisions if not isinstance(decision, str) for run in decision]


@each
def test_a_recorded_body_is_decided_as_expected(entry, hook):
    wanted = entry["decision"].startswith("build") and entry["kind"] in PUSHES

    assert bool(runs(hook)) == wanted
    assert bool(hook.pushes) != bool(hook.note)


@pytest.mark.parametrize(
    "entry", [entry for entry in RECORDED if entry["kind"] == "pr"], ids=lambda entry: entry["file"]
)
def test_a_recorded_pull_request_says_that_it_is_not_built_yet(entry, hook):
    assert hook.note in NOT_YET


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
