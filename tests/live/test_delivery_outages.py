"""A registry, an engine or a worker that goes away in the middle of a run."""

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import Stopped
from pipeline.fleet.host import RegistryAccess
from pipeline.settings import BuilderSettings
from runners.builder import EngineBuilder
from tests.parts.laboratory import Laboratory
from tests.parts.works import HANG, HANGING, Works, processes

pytestmark = pytest.mark.live


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
