"""A GitLab CI job calls the API with its id_token, and the template that does it, run by a real shell with a real curl."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient
from werkzeug.serving import WSGIRequestHandler, make_server

from pipeline.assets import templates_dir
from pipeline.delivery.run import Run, Stage, StageName, StageStatus
from pipeline.fleet.service import CiJobs
from pipeline.ports import Ports
from pipeline.web.app import create_app
from runners.job_tokens import with_jobs
from tests.forge.gitlab import FakeGitLab, fake_gitlab
from tests.web.conftest import COMMIT, House, Source

RUNS = "/api/v1/services/shop/environments/production/runs"
DEPLOYMENTS = "/api/v1/services/shop/environments/production/deployments"
DOOR = "http://127.0.0.1:8080"  # server.url of the house
TEMPLATE = "shipway.gitlab-ci.yml"


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[FakeGitLab]:
    with fake_gitlab(tmp_path / "gitlab") as server:
        server.project("acme/shop")
        yield server


class AnySource(Source):
    """A commit by its id, too."""

    def resolve(self, repository: Any, ref: str) -> tuple[str, str, str]:
        return ("commit", ref, ref) if len(ref) == 40 else super().resolve(repository, ref)


@pytest.fixture
def ports(house: House, gitlab: FakeGitLab) -> Ports:
    """The shop takes jobs of its project."""
    shop = house.ports.settings.services["shop"]
    jobs = CiJobs(gitlab.projects["acme/shop"].id, gitlab.url)
    shop = replace(shop, repository=replace(shop.repository, jobs=jobs))
    settings = replace(house.ports.settings, services=house.ports.settings.services | {"shop": shop})
    return replace(
        house.ports, settings=settings, tokens=with_jobs(house.store.tokens, settings), source=AnySource()
    )


@pytest.fixture
def client(ports: Ports) -> FlaskClient:
    return create_app(ports).test_client()


@pytest.fixture
def job(gitlab: FakeGitLab) -> Callable[..., dict[str, str]]:
    def headers(**claims: Any) -> dict[str, str]:
        token = gitlab.id_token(gitlab.projects["acme/shop"], DOOR, COMMIT, **claims)
        return {"Authorization": f"Bearer {token}"}

    return headers


def test_a_job_starts_a_run_of_its_commit(client: FlaskClient, house: House, job: Callable[..., Any]):
    answer = client.post(RUNS, json={"ref": "main"}, headers=job())

    assert answer.status_code == 202
    (run,) = house.store.runs.runs()
    assert (run.commit, run.requested_by) == (COMMIT, "api:gitlab job 77")
    assert house.store.audit.entries()[0]["actor"] == "gitlab job 77"


def test_a_job_cannot_have_another_commit_built(client: FlaskClient, house: House, job: Callable[..., Any]):
    answer = client.post(RUNS, json={"ref": "main"}, headers=job(sha="e" * 40))

    assert answer.status_code == 403
    assert "runs for the commit" in answer.json["detail"]
    assert house.store.runs.runs() == []


def test_a_job_deploys(client: FlaskClient, house: House, job: Callable[..., Any]):
    image = f"10.0.0.1:5000/shop@sha256:{'d' * 64}"

    assert client.post(DEPLOYMENTS, json={"image": image}, headers=job()).status_code == 202


@pytest.mark.parametrize("path", ["rollback", "scale"])
def test_a_job_may_ask_for_nothing_else(client: FlaskClient, job: Callable[..., Any], path: str):
    body = {"replicas": 2} if path == "scale" else {}

    answer = client.post(f"/api/v1/services/shop/environments/production/{path}", json=body, headers=job())

    assert answer.status_code == 403
    assert "may only ask for run.start, run.cancel, deploy" in answer.json["detail"]


@pytest.mark.parametrize(
    ("path", "claims"),
    [
        ("/api/v1/services/shop/environments/test/runs", {}),
        ("/api/v1/services/blog/environments/production/runs", {}),
        (RUNS, {"environment": "test"}),
        (RUNS, {"ref_protected": "false"}),
        (RUNS, {"project_id": "999"}),
    ],
)
def test_a_job_reaches_no_other_place(
    client: FlaskClient, job: Callable[..., Any], path: str, claims: dict[str, str]
):
    assert client.post(path, json={"ref": "main"}, headers=job(**claims)).status_code == 403


def test_a_job_reads_its_run_and_no_other(client: FlaskClient, house: House, job: Callable[..., Any]):
    own = client.post(RUNS, json={"ref": "main"}, headers=job()).json["run"]
    other = client.post(
        "/api/v1/services/blog/environments/production/runs",
        json={"ref": "main"},
        headers=house.token("admin"),
    ).json["run"]

    assert client.get(f"/api/v1/runs/{own}", headers=job()).status_code == 200
    assert client.get(f"/api/v1/runs/{other}", headers=job()).status_code == 403


def test_an_expired_token_is_401_and_keys_that_cannot_be_had_503(
    client: FlaskClient, gitlab: FakeGitLab, job: Callable[..., Any]
):
    assert client.post(RUNS, json={"ref": "main"}, headers=job(exp=1_000_000_000)).status_code == 401
    headers = job(iss="http://127.0.0.1:9")

    assert client.post(RUNS, json={"ref": "main"}, headers=headers).status_code == 401


# ------------------------------------------------------------------------------------------------ the template


class Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None: ...


class Shell:
    """The template's script, as GitLab's runner starts it."""

    def __init__(self, ports: Ports, gitlab: FakeGitLab) -> None:
        self.ports, self.gitlab = ports, gitlab
        self.looks = 0
        self.app = create_app(ports)
        self.server = make_server("127.0.0.1", 0, self._counted, threaded=True, request_handler=Quiet)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def _counted(self, environ: Any, start: Any) -> Any:
        self.looks += 1
        return self.app(environ, start)

    def looked(self, times: int) -> None:
        """Until the script has asked so often again."""
        wanted, deadline = self.looks + times, time.monotonic() + 20
        while self.looks < wanted:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def begin(self, token: str = "") -> "subprocess.Popen[str]":
        project = self.gitlab.projects["acme/shop"]
        words = {
            "SHIPWAY_ID_TOKEN": token or self.gitlab.id_token(project, DOOR, COMMIT),
            "SHIPWAY_SERVER": f"http://127.0.0.1:{self.server.server_port}/",
            "SHIPWAY_SERVICE": "shop",
            "SHIPWAY_ENVIRONMENT": "production",
            "CI_COMMIT_SHA": COMMIT,
            "SHIPWAY_PAUSE": "0.05",
            "PATH": os.environ["PATH"],
        }
        return subprocess.Popen(
            ["sh", "-c", script()],
            env=words,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self) -> Run:
        """The one that it started, as soon as there is one."""
        deadline = time.monotonic() + 20
        while not (runs := self.ports.runs.runs()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return runs[0]

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def script() -> str:
    _, jobs = yaml.safe_load_all((templates_dir() / "gitlab" / TEMPLATE).read_text())
    (job,) = jobs.values()
    (text,) = job["script"]
    return str(text)


@pytest.fixture
def shell(ports: Ports, gitlab: FakeGitLab) -> Iterator[Shell]:
    made = Shell(ports, gitlab)
    yield made
    made.close()


def test_the_script_shows_the_log_and_ends_well_when_the_run_does(shell: Shell):
    script = shell.begin()
    run = shell.run()
    shell.ports.logs.append(run.id, "build", "step 1: compile\n")
    shell.ports.logs.append(run.id, "build", 'it says "status":"failed" here\n')
    shell.ports.runs.finish(run.id, "succeeded", "", None)

    said, _ = script.communicate(timeout=30)

    assert script.returncode == 0, said
    assert said.count("step 1: compile") == 1
    assert said.splitlines()[-1] == f"Run {run.id} succeeded."


def test_the_script_fails_when_the_release_was_taken_back_and_says_why(shell: Shell):
    script = shell.begin()
    run = shell.run()
    shell.ports.runs.finish(run.id, "failed", "web-1: /healthz answers 503; back on release 6.", None)

    said, _ = script.communicate(timeout=30)

    assert script.returncode == 1
    assert f"Run {run.id} failed." in said
    assert "web-1: /healthz answers 503; back on release 6." in said


def test_the_script_fails_with_the_servers_sentence_when_it_is_refused(shell: Shell):
    project = shell.gitlab.projects["acme/shop"]
    script = shell.begin(shell.gitlab.id_token(project, DOOR, COMMIT, ref_protected="false"))

    said, _ = script.communicate(timeout=30)

    assert script.returncode == 1
    assert "is not protected" in said


def test_a_job_that_is_cancelled_takes_its_run_along(shell: Shell):
    script = shell.begin()
    run = shell.run()
    assert script.stdout
    assert script.stdout.readline().startswith(f"Run {run.id}: ")

    os.killpg(script.pid, signal.SIGTERM)
    script.wait(20)
    script.stdout.close()

    assert shell.ports.runs.run(run.id).status == "cancelled"
    assert script.returncode == 1


def test_stages_do_not_confuse_the_script(shell: Shell, house: House):
    script = shell.begin()
    run = shell.run()
    lease = house.store.leases.take(f"run:{run.id}", "worker", 30)
    assert lease
    house.store.runs.begin(run.id, lease)
    house.store.runs.save_stage(run.id, Stage(StageName.BUILD, StageStatus.SUCCEEDED), lease)
    shell.looked(4)  # it must not take the stage's status for the run's
    assert script.poll() is None
    house.store.runs.finish(run.id, "succeeded", "", lease)

    assert script.wait(20) == 0
    assert script.stdout
    script.stdout.close()
