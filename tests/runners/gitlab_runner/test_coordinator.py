"""What GitLab is asked and what its refusals mean; and that the fake which answers here is strict."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import BadConfig, Rejected, Unreachable
from pipeline.fleet.gitlab_runners import RunnerFleet, RunnerScope
from pipeline.gitlab_runner.runner import family
from pipeline.secret import Secret
from runners.gitlab_runner.coordinator import GitLabCoordinator
from tests.forge.gitlab import DEVELOPER, FakeGitLab, Outage, fake_gitlab
from tests.gitlab_runner.fleets import fleet_of

SLOT = "shipway here ci/web-1/1 000000000001"


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[FakeGitLab]:
    with fake_gitlab(tmp_path / "gitlab") as server:
        yield server


@pytest.fixture
def fleet(gitlab: FakeGitLab) -> RunnerFleet:
    return fleet_of(gitlab)


def asked(
    gitlab: FakeGitLab, method: str, path: str, body: dict[str, Any] | bytes, **headers: str
) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"{gitlab.url}/api/v4{path}", data, named, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


@pytest.mark.parametrize("scope", RunnerScope)
def test_a_runner_is_made_in_each_scope_and_found_there(
    gitlab: FakeGitLab, fleet: RunnerFleet, scope: RunnerScope
):
    token = Secret(gitlab.token("api", admin=True))
    number = {RunnerScope.INSTANCE: 0, RunnerScope.GROUP: 7, RunnerScope.PROJECT: fleet.id}[scope]
    there = replace(fleet, scope=scope, id=number, token=token)

    runner, secret = GitLabCoordinator().create(there, SLOT)

    assert secret.reveal().startswith("glrt-")
    assert [seen.id for seen in GitLabCoordinator().listed(there, family("here"))] == [runner]
    assert GitLabCoordinator().listed(there, family("there")) == ()


def test_runners_are_found_on_every_page(gitlab: FakeGitLab, fleet: RunnerFleet):
    made = [GitLabCoordinator().create(fleet, f"{SLOT}{n}")[0] for n in range(103)]

    assert [seen.id for seen in GitLabCoordinator().listed(fleet, family("here"))] == made


def test_an_entry_that_is_gone_is_none(fleet: RunnerFleet):
    assert GitLabCoordinator().entry(fleet, 99) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"token": Secret("glpat-none")}, "does not know the token (401)"),
        ({"id": 999}, "400"),
        ({"scope": RunnerScope.INSTANCE, "id": 0}, "administrator for runners of the instance"),
    ],
)
def test_a_refusal_says_what_to_do(fleet: RunnerFleet, change: dict[str, Any], told: str):
    with pytest.raises(Rejected) as caught:
        GitLabCoordinator().create(replace(fleet, **change), SLOT)

    assert told in str(caught.value)
    assert "glpat" not in str(caught.value)


def test_a_role_that_is_too_low_is_told(gitlab: FakeGitLab, fleet: RunnerFleet):
    weak = replace(fleet, token=Secret(gitlab.token("api", DEVELOPER)))

    with pytest.raises(Rejected, match="Maintainer of the project"):
        GitLabCoordinator().create(weak, SLOT)


@pytest.mark.parametrize("status", [429, 500, 502])
def test_what_may_pass_is_unreachable(gitlab: FakeGitLab, fleet: RunnerFleet, status: int):
    gitlab.outage = Outage(status)

    with pytest.raises(Unreachable, match=f"answered {status} when asked to create a runner for ci"):
        GitLabCoordinator().create(fleet, SLOT)


def test_an_authority_that_is_not_there_is_told(fleet: RunnerFleet):
    with pytest.raises(BadConfig, match=r"/none/ca.pem is not there. Correct `ca`"):
        GitLabCoordinator().create(replace(fleet, ca="/none/ca.pem"), SLOT)


def test_nobody_there_is_unreachable(fleet: RunnerFleet):
    with pytest.raises(Unreachable, match="does not answer"):
        GitLabCoordinator().create(replace(fleet, url="http://127.0.0.1:9"), SLOT)


# ------------------------------------------------------------------------------------------------ the fake


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"runner_type": "project_type", "project_id": 41, "tags": ["a"]}, "tags is unknown"),
        ({"runner_type": "project_type", "project_id": 41, "tag_list": "a,b"}, "tag_list is invalid"),
        ({"runner_type": "project_type", "project_id": "41"}, "project_id is invalid"),
        ({"runner_type": "project_type"}, "project_id is missing"),
        ({"runner_type": "project"}, "runner_type does not have a valid value"),
        ({}, "runner_type is missing"),
        ({"runner_type": "project_type", "project_id": 41, "locked": 1}, "locked is invalid"),
        (
            {"runner_type": "project_type", "project_id": 41, "access_level": "protected"},
            "access_level does not",
        ),
        (
            {"runner_type": "project_type", "project_id": 41, "run_untagged": False},
            "not allowed to pick untagged",
        ),
        ({"runner_type": "project_type", "project_id": 41, "maximum_timeout": 60}, "at least 10 minutes"),
    ],
)
def test_the_fake_takes_only_what_gitlab_knows(gitlab: FakeGitLab, fleet: RunnerFleet, body: Any, told: str):
    body = {name: fleet.id if value == 41 else value for name, value in body.items()}

    status, answer = asked(gitlab, "POST", "/user/runners", body, PRIVATE_TOKEN=fleet.token.reveal())

    assert status == 400
    assert told in json.dumps(answer)


def test_the_fake_takes_a_log_in_order_and_a_result_that_fits_it(gitlab: FakeGitLab, fleet: RunnerFleet):
    _, token = GitLabCoordinator().create(fleet, SLOT)
    job = gitlab.runners.queue("build", ["true"], tags=["docker"])
    given = {"token": token.reveal(), "system_id": "r_000000000001"}
    assert asked(gitlab, "POST", "/jobs/request", given | {"system_id": "mine"})[0] == 400
    assert asked(gitlab, "POST", "/jobs/request", {"token": "glrt-other"})[0] == 403
    assert asked(gitlab, "POST", "/jobs/request", given)[1]["id"] == job.id
    assert asked(gitlab, "POST", "/jobs/request", given) == (204, None)

    def sent(span: str, proof: str = job.token) -> int:
        words = {"Content_Type": "text/plain", "Content_Range": span, "JOB_TOKEN": proof}
        return asked(gitlab, "PATCH", f"/jobs/{job.id}/trace?debug_trace=false", b"hello", **words)[0]

    def ended(size: int) -> int:
        output = {"checksum": "crc32:3610a686", "bytesize": size}
        body = {"token": job.token, "state": "success", "output": output}
        return asked(gitlab, "PUT", f"/jobs/{job.id}", body)[0]

    assert [sent("0-4", "glcbt-other"), sent("3-7"), sent("0-4"), sent("0-4")] == [403, 416, 202, 416]
    assert [ended(4), ended(5), ended(5)] == [412, 200, 403]
    assert (job.status, job.trace) == ("success", b"hello")
