"""From a commit to a pushed digest on a real engine and a real registry, and nothing left behind."""

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from pipeline.delivery.run import NewRun, StageName
from pipeline.errors import Stopped
from pipeline.fleet.host import RegistryAccess
from pipeline.settings import BuilderSettings
from runners.builder import EngineBuilder
from tests.parts.laboratory import Laboratory
from tests.parts.silent_registry import SilentRegistry, silent_registry
from tests.parts.works import HANG, HANGING, Works, processes

pytestmark = pytest.mark.live


def test_commit_becomes_a_digest_in_the_registry(works: Works) -> None:
    run = works.push("FROM BUSYBOX\nEXPOSE 9000\nCOPY VERSION /v\nCMD sleep 99\n").go()

    assert run.release, (run.error, works.log)
    release = works.store.releases.release(works.service, run.release)
    assert "@sha256:" in release.image
    assert release.spec.port == 9000
    inspected = works.engine.inspect_distribution(release.image)
    assert inspected["Descriptor"]["digest"] == release.digest
    assert works.woken == [run.deployment]
    assert works.left() == []


def test_merge_request_is_built_and_tested_from_its_ref_and_nothing_is_pushed(works: Works) -> None:
    text = f"FROM {works.busybox}\nENV E4={works.service}\nCOPY VERSION /v\n"
    spec = "test: {command: 'grep -q merged /v'}\n"
    commit = works.repository.commit("merged", **{"Dockerfile": text, ".shipway.yml": spec})
    works.repository.git("push", "-q", "origin", "HEAD:refs/merge-requests/1/head")
    asked = NewRun(
        works.service, "", "merge_request", "refs/merge-requests/1/head", commit, "push:ada", merge_request=1
    )
    works.run_id = works.store.runs.add(asked).id

    run = works.go()

    assert [stage.status for stage in run.stages] == [*["succeeded"] * 3, "skipped", "skipped"], works.log
    assert (run.status, run.release, run.deployment, works.woken) == ("succeeded", None, None, [])
    pushed = f"{works.ports.settings.registry.address}/e4/{works.service}:run-{run.id}"
    with pytest.raises(docker.errors.APIError):
        works.engine.inspect_distribution(pushed)


def test_tree_that_was_built_before_is_not_built_again(works: Works) -> None:
    first = works.push("FROM BUSYBOX\nCOPY VERSION /v\n").go()
    works.store.runs.finish(first.id, "succeeded", "", None)
    works.run_id = works.store.runs.add(
        NewRun(works.service, "production", "branch", "main", first.commit, "push:ada")
    ).id

    second = works.go()

    releases = [works.store.releases.release(works.service, run.release or 0) for run in (first, second)]
    assert releases[0].image == releases[1].image
    assert [stage.status.value for stage in second.stages[1:4]] == ["skipped"] * 3, works.log
    assert works.left() == []


def test_image_carries_where_it_comes_from(works: Works) -> None:
    run = works.push("FROM BUSYBOX\nCOPY VERSION /v\n").go()

    image = works.engine.inspect_image(
        f"{works.ports.settings.registry.address}/e4/{works.service}:run-{run.id}"
    )
    labels = image["Config"]["Labels"]
    assert (labels["shipway.commit"], labels["shipway.run"]) == (run.commit, str(run.id))
    assert (labels["shipway.ref"], labels["shipway.service"]) == ("main", works.service)


@pytest.mark.parametrize(
    ("dockerfile", "stage", "sentence"),
    [
        ("FROM BUSYBOX\nRUN echo before; exit 3\n", "build", "exit code 3"),
        ("FROM BUSYBOX\nCOPY nothing-there /x\n", "build", "nothing-there"),
        ("NONSENSE\n", "build", "NONSENSE"),
        ("", "build", "empty"),
        ("FROM REGISTRY/e4/never-made:1\n", "build", "never-made"),
    ],
)
def test_wrong_dockerfile_fails_the_build_with_a_sentence(
    works: Works, lab: Laboratory, dockerfile: str, stage: str, sentence: str
) -> None:
    run = works.push(dockerfile.replace("REGISTRY", lab.registry)).go()

    assert run.status == "failed"
    assert sentence in run.error, run.error
    assert [s.name for s in run.stages if s.status == "failed"] == [stage]
    assert works.left() == []


def test_missing_dockerfile_fails_the_checkout_with_a_sentence(works: Works) -> None:
    (works.repository.tree / "Dockerfile").unlink()
    commit = works.repository.commit("1")
    works.repository.push()
    works.run_id = works.store.runs.add(NewRun(works.service, "production", "branch", "main", commit, "x")).id

    run = works.go()

    assert run.error.startswith("There is no Dockerfile in this commit.")
    assert works.left() == []


@pytest.mark.parametrize("where", ["build", "test"])
def test_cancel_ends_what_hangs_within_five_seconds(works: Works, where: str) -> None:
    hang = f"echo begun; {HANG}"
    spec = {} if where == "build" else {".shipway.yml": json.dumps({"test": {"command": hang}})}
    works.push(f"FROM BUSYBOX\nCOPY VERSION /v\n{f'RUN {hang}' if where == 'build' else ''}\n", **spec)
    asked: list[float] = []

    def stop() -> bool:
        if not asked and "begun\n" in works.log:
            works.store.runs.cancel(works.run_id)
            asked.append(time.monotonic())
        return bool(asked)

    run = works.go(stop)

    assert run.status == "cancelled", run.error
    assert run.stage(next(s.name for s in run.stages if s.name == where)).status == "cancelled"
    assert time.monotonic() - asked[0] < 5
    eventually_nothing(works)


def silent(works: Works, registry: SilentRegistry) -> None:
    """From now on this run's image is to go to a registry that never answers."""
    access = RegistryAccess(registry.address, "e4", insecure=True)
    works.ports = replace(works.ports, settings=replace(works.ports.settings, registry=access))


def test_cancel_ends_a_push_that_hangs_within_five_seconds(works: Works, lab: Laboratory) -> None:
    asked: list[float] = []

    with silent_registry(lab.registry.rpartition(":")[0]) as registry:
        silent(works, registry)

        def stop() -> bool:
            if not asked and registry.asked.is_set():
                works.store.runs.cancel(works.run_id)
                asked.append(time.monotonic())
            return bool(asked)

        run = works.push("FROM BUSYBOX\nCOPY VERSION /v\n").go(stop)

        assert time.monotonic() - asked[0] < 5
    assert run.status == "cancelled", run.error
    assert run.stage(StageName.PUBLISH).status == "cancelled"
    eventually_nothing(works)


def test_time_limit_ends_a_push_that_hangs(
    works: Works, lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runners.builder.publishing.TIMEOUT", 2.0)  # half an hour is too long for a test
    monkeypatch.setattr("pipeline.delivery.stages.PATIENCE", 1.0)

    with silent_registry(lab.registry.rpartition(":")[0]) as registry:
        silent(works, registry)
        run = works.push("FROM BUSYBOX\nCOPY VERSION /v\n").go()

    assert run.status == "failed"
    assert f"The push of {registry.address}/e4/" in run.error
    assert "did not end within 2 s and was stopped. Look whether its registry answers" in run.error
    eventually_nothing(works)


@pytest.mark.parametrize("where", ["build", "test"])
def test_time_limit_ends_what_hangs(works: Works, where: str) -> None:
    spec = (
        {} if where == "build" else {".shipway.yml": json.dumps({"test": {"command": HANG, "timeout": "2s"}})}
    )
    step = f"RUN {HANG}" if where == "build" else ""
    settings = works.ports.settings
    if where == "build":
        settings = replace(settings, builder=replace(settings.builder, timeout=2.0))
    works.ports = replace(works.ports, settings=settings)

    begun = time.monotonic()
    run = works.push(f"FROM BUSYBOX\nCOPY VERSION /v\n{step}\n", **spec).go()

    assert run.status == "failed"
    assert "did not end within 2 s" in run.error
    assert time.monotonic() - begun < 12
    eventually_nothing(works)


def eventually_nothing(works: Works) -> None:
    """The engine takes a moment to bury a step that it killed."""
    until = time.monotonic() + 5
    while works.left() and time.monotonic() < until:
        time.sleep(0.2)
    assert works.left() == []


def test_fork_bomb_is_bounded_and_ends_with_its_time(works: Works) -> None:
    bomb = f"f() {{ f & f & {HANG}; }}; f"
    spec = json.dumps({"test": {"command": bomb, "timeout": "4s"}})
    begun = time.monotonic()

    run = works.push("FROM BUSYBOX\nCOPY VERSION /v\n", **{".shipway.yml": spec}).go()

    assert run.stage(StageName.TEST).status == "failed"  # by its time, or because its shell gave up first
    assert time.monotonic() - begun < 60  # 512 processes are slow to end on a busy machine
    eventually_nothing(works)


def test_two_hundred_megabytes_of_output_stay_bounded(works: Works) -> None:
    spec = json.dumps(
        {
            "test": {
                "command": "yes 0123456789012345678901234567890123456789 | head -c 200000000; echo the end"
            }
        }
    )

    run = works.push("FROM BUSYBOX\nCOPY VERSION /v\n", **{".shipway.yml": spec}).go()

    assert run.release, run.error
    assert 1 << 20 < len(works.log) < 25 << 20
    assert "MB were cut here" in works.log
    assert "the end\n" in works.log
    kept = Path(works.ports.settings.server.data, "logs")
    assert sum(file.stat().st_size for file in kept.rglob("*.log*")) < 5 << 20


def test_a_build_that_prints_without_end_stays_bounded(works: Works) -> None:
    run = works.push(
        "FROM BUSYBOX\nRUN yes 01234567890123456789012345678901234567890123456789 | head -c 60000000; exit 3\n"
    ).go()

    assert "exit code 3" in run.error
    assert len(works.log) < 25 << 20
    assert works.left() == []


def test_secret_that_a_build_or_a_test_prints_is_hidden(works: Works) -> None:
    works.ports.logs.hide(["tr0ub4dor-and-3"])
    spec = json.dumps({"test": {"command": "printf tr0ub4dor; sleep 0.2; echo -and-3"}})

    works.push("FROM BUSYBOX\nRUN echo tr0ub4dor-and-3 $(date +%N)\n", **{".shipway.yml": spec}).go()

    assert "tr0ub4dor" not in works.log.replace("RUN echo", "")
    assert works.log.count("***") >= 2


def test_red_tests_say_how_many(works: Works) -> None:
    report = "<testsuite><testcase/><testcase><failure/></testcase></testsuite>"
    spec = json.dumps(
        {"test": {"command": f"mkdir -p /r && echo '{report}' > /r/a.xml; exit 1", "reports": "/r/*.xml"}}
    )

    run = works.push("FROM BUSYBOX\nCOPY VERSION /v\n", **{".shipway.yml": spec}).go()

    assert "exit code 1 (1 passed, 1 failed)" in run.error
    assert works.left() == []


def test_tests_have_no_power_over_the_engine_or_the_machine(works: Works) -> None:
    command = (
        "set -e; ! test -e /var/run/docker.sock; ! mknod /tmp/x b 1 1; grep -q 'NoNewPrivs:.*1' /proc/self/status;"
        " ! mount -t tmpfs x /mnt; echo all good"
    )

    run = works.push(
        "FROM BUSYBOX\nRUN mkdir -p /tmp /mnt\n",
        **{".shipway.yml": json.dumps({"test": {"command": command}})},
    ).go()

    assert run.release, works.log
    assert "all good" in works.log


def test_services_beside_the_tests_are_waited_for_and_reached_by_name(works: Works) -> None:
    """The service needs a second before it listens."""
    web = works.push("FROM BUSYBOX\nEXPOSE 80\nCMD sleep 1; exec httpd -f -p 80\n").go()
    image = works.store.releases.release(works.service, web.release or 0).image
    tests = {"command": "nc -w 2 web 80 </dev/null && echo reached", "services": {"web": {"image": image}}}

    run = works.push("FROM BUSYBOX\nCOPY VERSION /v\n", **{".shipway.yml": json.dumps({"test": tests})}).go()

    assert run.stage(StageName.TEST).status == "succeeded", works.log
    assert "\nreached" in works.log
    assert works.left() == []


def test_service_that_dies_before_the_tests_is_the_reason(works: Works) -> None:
    web = works.push("FROM BUSYBOX\nEXPOSE 80\nCMD echo no licence; exit 9\n").go()
    image = works.store.releases.release(works.service, web.release or 0).image
    tests = {"command": "true", "services": {"web": {"image": image}}}

    run = works.push("FROM BUSYBOX\nCOPY VERSION /v\n", **{".shipway.yml": json.dumps({"test": tests})}).go()

    assert "web beside the tests ended with exit code 9" in run.error
    assert "no licence" in works.log
    assert works.left() == []


def test_stage_named_test_is_the_test(works: Works) -> None:
    text = "FROM BUSYBOX AS app\nCOPY VERSION /v\nFROM app AS test\nRUN echo linted\nCMD echo checked; exit 4\nFROM app\n"

    run = works.push(text).go()

    assert "exit code 4" in run.error
    assert "linted" in works.log
    assert "checked" in works.log
    assert works.left() == []


def test_syntax_line_builds_where_no_public_registry_is_reached(works: Works) -> None:
    run = works.push("# syntax=docker/dockerfile:1\nFROM BUSYBOX\nCOPY VERSION /v\n").go()

    assert run.release, works.log


def test_registry_that_is_down_is_said_after_some_patience(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.delivery.stages.PATIENCE", 3.0)  # two minutes are too long for a test
    down = replace(works.ports.settings, registry=RegistryAccess("127.0.0.1:9", "e4", insecure=True))
    works.ports = replace(works.ports, settings=down)

    run = works.push("FROM BUSYBOX\nCOPY VERSION /v\n").go()

    assert run.status == "failed"
    assert "127.0.0.1:9" in run.error
    assert "Tried 2 times" in run.error
    assert works.left() == []


def test_engine_that_is_gone_is_said_after_some_patience(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.delivery.stages.PATIENCE", 3.0)  # two minutes are too long for a test
    gone = EngineBuilder(BuilderSettings("unix:///nowhere/docker.sock"))
    works.ports = replace(works.ports, builder=gone)

    run = works.push("FROM BUSYBOX\n").go()

    assert run.status == "failed"
    assert "no answer from the engine at unix:///nowhere/docker.sock" in run.error


@pytest.mark.parametrize("path", ["link", "dir/link"])
def test_nothing_outside_the_tree_gets_into_the_image(works: Works, path: str) -> None:
    link = works.repository.tree / path
    link.parent.mkdir(exist_ok=True)
    link.symlink_to("/etc/hostname")
    outside = Path("/etc/hostname").read_text().strip()

    run = works.push(f"FROM BUSYBOX\nCOPY . /ctx\nRUN readlink /ctx/{path} && cat /ctx/{path}; true\n").go()

    assert run.release, works.log
    assert outside not in works.log.splitlines()


def test_worker_that_dies_in_the_tests_is_followed_by_one_that_goes_on(works: Works) -> None:
    spec = json.dumps({"test": {"command": "echo begun; test -e /v && sleep 1"}})
    works.push("FROM BUSYBOX\nCOPY VERSION /v\n", **{".shipway.yml": spec})
    seen = threading.Event()

    def stop() -> bool:
        if "begun\n" in works.log:
            seen.set()
        return seen.is_set()

    with pytest.raises(Stopped):
        works.go(stop)
    run = works.go()

    assert run.release, works.log
    assert works.log.count("Building") + works.log.count("Successfully tagged") == 1
    assert works.left() == []


@pytest.mark.parametrize("buildkit", [True, False], ids=["buildkit", "classic"])
def test_engine_gives_up_the_build_of_a_worker_that_was_killed(
    tmp_path: Path, lab: Laboratory, buildkit: bool
) -> None:
    text = f"FROM {lab.images['busybox']}\nRUN {HANG}-{os.getpid()}-{buildkit}\n"
    (tmp_path / "Dockerfile").write_text(text)
    code = (
        "import sys; from pipeline.delivery.orders import BuildOrder; from pipeline.settings import BuilderSettings;"
        "from runners.builder import EngineBuilder;"
        f"order = BuildOrder(1, 'e4', {str(tmp_path)!r}, 'Dockerfile', '', {{}}, 'e4/killed:1', {{}}, 60.0);"
        f"EngineBuilder(BuilderSettings({lab.builder!r}), buildkit={buildkit}).build(order, print, lambda: False)"
    )
    mark = f"{HANGING}-{os.getpid()}-{buildkit}"

    def steps() -> list[str]:
        return [line for line in processes() if mark in line and "EngineBuilder" not in line]

    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL) as worker:
        until = time.monotonic() + 30
        while not steps():
            assert time.monotonic() < until
            time.sleep(0.05)
        worker.kill()

    until = time.monotonic() + 10
    while steps():
        assert time.monotonic() < until
        time.sleep(0.05)
