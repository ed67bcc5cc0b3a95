"""GitLab runners on the lab's hosts: the real command, real containers, and a stand-in for GitLab Runner that takes jobs from
a fake GitLab."""

import io
import json
import os
import signal
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from pipeline.rounds import watching
from pipeline.wiring import build_ports
from runners.own_store import store_of
from runners.settings_source import load_settings
from tests.forge.gitlab import FakeGitLab, Outage, fake_gitlab
from tests.parts.laboratory import Laboratory
from tests.parts.runner_fleet import STAND_IN, UNTIL_TOLD, Runners, tell, wait

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def image(lab: Laboratory) -> str:
    """Built once, and pulled from the lab's registry as a mirror's would be."""
    name = f"{lab.registry}/lab/gitlab-runner:stand-in"
    lines = f'FROM {lab.images["python"]}\nCOPY runner.py /runner.py\nCMD ["python3", "/runner.py"]\n'
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, data in {"Dockerfile": lines.encode(), "runner.py": STAND_IN.read_bytes()}.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    client = docker.APIClient(base_url=lab.builder, timeout=120)
    try:
        built = list(
            client.build(fileobj=io.BytesIO(out.getvalue()), custom_context=True, tag=name, decode=True)
        )
        pushed = list(client.push(name, stream=True, decode=True))
    finally:
        client.close()
    assert not [line for line in (*built, *pushed) if "error" in line]
    return name


@pytest.fixture
def gitlab(lab: Laboratory, tmp_path: Path) -> Iterator[FakeGitLab]:
    """Where the lab's hosts reach it."""
    with fake_gitlab(tmp_path / "gitlab", address=lab.registry.rpartition(":")[0]) as server:
        yield server


@pytest.fixture
def fleet(lab: Laboratory, gitlab: FakeGitLab, image: str, tmp_path: Path) -> Iterator[Runners]:
    made = Runners(tmp_path, lab, gitlab, image)
    yield made
    lab.remove({made.name})


def test_a_fleet_takes_jobs_and_a_second_apply_changes_nothing(fleet: Runners, gitlab: FakeGitLab):
    fleet.apply()
    job = gitlab.runners.queue("build", ["echo built $CI_JOB_ID"], tags=["lab"])
    other = gitlab.runners.queue("elsewhere", ["true"], tags=["another"])
    bad = gitlab.runners.queue("broken", ["echo so; exit 3"], tags=["lab"])

    wait(lambda: job.status == "success" and bad.status == "failed", "the jobs")
    wait(fleet.whole, "one online runner on each host")

    assert job.trace.decode() == f"built {job.id}\n"
    assert (bad.exit_code, other.status) == (3, "pending")
    assert fleet.apply()["changes"] == []
    assert [row["trouble"] for row in fleet.run("status")["runners"]] == ["", ""]


def test_the_token_lies_in_the_container_alone(fleet: Runners, gitlab: FakeGitLab):
    fleet.apply()
    tokens = [row["token"] for row in gitlab.runners.rows.values()]

    client = docker.APIClient(base_url=fleet.hosts[0].engine, timeout=30)
    try:
        seen = client.inspect_container(fleet.containers(fleet.hosts[0])[0])
    finally:
        client.close()
    kept = b"".join(path.read_bytes() for path in (fleet.folder / "data").rglob("*") if path.is_file())

    assert not [token for token in tokens if token in json.dumps(seen) or token.encode() in kept]


def test_a_docker_runner_has_the_hosts_socket_and_a_configuration_for_root_alone(
    fleet: Runners, gitlab: FakeGitLab
):
    fleet.hosts = fleet.hosts[:1]
    fleet.fleet |= {"hosts": [fleet.hosts[0].name], "executor": "docker", "image": "busybox:1"}
    fleet.fleet["socket"] = fleet.hosts[0].keys["socket"]
    fleet.apply()

    client = docker.APIClient(base_url=fleet.hosts[0].engine, timeout=30)
    try:
        (container,) = fleet.containers(fleet.hosts[0])
        (mount,) = client.inspect_container(container)["Mounts"]
        chunks, facts = client.get_archive(container, "/etc/gitlab-runner/config.toml")
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
            file = tar.extractfile("config.toml")
            config = tomllib.loads(file.read().decode()) if file else {}
    finally:
        client.close()

    assert (mount["Source"], mount["Destination"]) == (fleet.fleet["socket"], "/var/run/docker.sock")
    assert facts["mode"] & 0o777 == 0o600
    assert config["runners"][0]["docker"]["image"] == "busybox:1"


def test_a_socket_that_is_not_there_is_told(fleet: Runners, gitlab: FakeGitLab):
    fleet.fleet |= {"executor": "docker", "socket": "/none/docker.sock"}

    errors = [change["error"] for change in fleet.run("apply")["changes"] if change["error"]]

    assert len(errors) == 2
    assert all("/none/docker.sock" in error for error in errors)


def test_a_change_waits_for_the_job_under_way(fleet: Runners, gitlab: FakeGitLab):
    fleet.apply()
    job = gitlab.runners.queue("long", UNTIL_TOLD, tags=["lab"])
    wait(lambda: job.trace, "the job")
    host = fleet.where(job)
    before, entries = fleet.containers(host), set(gitlab.runners.rows)
    other = next(one for one in fleet.hosts if one != host)
    idle = fleet.containers(other)

    fleet.fleet["concurrent"] = 2
    applying = fleet.begin("apply")
    wait(lambda: set(fleet.containers(other)).isdisjoint(idle) and fleet.containers(other), "the idle one")
    under_way = job.status, fleet.containers(host), applying.poll()
    tell(host, before[0])
    out, said = applying.communicate(timeout=60)

    assert under_way == ("running", before, None)
    assert applying.returncode == 0, (out, said)
    assert (job.status, job.trace) == ("success", b"begun\ndone\n")
    assert set(fleet.containers(host)).isdisjoint(before)
    assert set(gitlab.runners.rows) == entries
    assert all(len(row["managers"]) == 1 for row in gitlab.runners.rows.values())
    wait(fleet.whole, "one online runner on each host")


def test_a_job_that_takes_too_long_is_cut(fleet: Runners, gitlab: FakeGitLab):
    fleet.fleet["stop_timeout"] = "2s"
    fleet.apply()
    job = gitlab.runners.queue("endless", UNTIL_TOLD, tags=["lab"])
    wait(lambda: job.trace, "the job")
    fleet.fleet["output_limit"] = "8m"

    fleet.apply()

    assert job.trace == b"begun\n"
    wait(fleet.whole, "one online runner on each host")


def test_what_follows_from_hosts_is_done_by_the_schedulers_look(fleet: Runners, gitlab: FakeGitLab):
    fleet.apply()
    settings = load_settings(str(fleet.config()))
    store = store_of(settings.server)
    first, second = fleet.hosts
    look = watching(store, build_ports(settings, store))
    try:
        store.fleet.drain(second.name, "ada", "new disk")
        look()
        drained = fleet.places(), len(fleet.containers(first)), len(fleet.containers(second))
        store.fleet.resume(second.name)
        fleet.lab.remove({f"shipway-runner-{fleet.name}", fleet.name})
        look()
    finally:
        store.close()

    assert drained == ([f"{fleet.name}/{first.name}/1"], 1, 0)
    wait(fleet.whole, "one online runner on each host")


def test_a_token_that_was_reset_is_renewed(fleet: Runners, gitlab: FakeGitLab):
    fleet.apply()
    entries = set(gitlab.runners.rows)
    gitlab.runners.revoke(min(entries))

    fleet.apply()
    job = gitlab.runners.queue("after", ["true"], tags=["lab"])

    wait(lambda: job.status == "success", "a job after it")
    assert set(gitlab.runners.rows) == entries
    wait(fleet.whole, "one online runner on each host")


@pytest.mark.parametrize("made", [1, 2])
def test_an_apply_that_is_killed_is_repaired_by_the_next_with_no_double(
    fleet: Runners, gitlab: FakeGitLab, made: int
):
    applying = fleet.begin("apply")
    wait(lambda: len(gitlab.runners.rows) >= made, "a runner at GitLab")
    os.kill(applying.pid, signal.SIGKILL)
    applying.communicate()

    fleet.apply()

    wait(fleet.whole, "one online runner on each host")
    assert fleet.apply()["changes"] == []


def test_an_answer_that_was_lost_leaves_no_double(fleet: Runners, gitlab: FakeGitLab):
    gitlab.outage = Outage(502, only="/user/runners", times=1, late=True)
    fleet.run("apply")

    fleet.apply()

    wait(fleet.whole, "one online runner on each host")


def test_a_fleet_is_removed_on_both_sides(fleet: Runners, gitlab: FakeGitLab):
    fleet.apply()

    fleet.run("remove", fleet.name)

    assert fleet.places() == []
    assert [fleet.containers(host) for host in fleet.hosts] == [[], []]
