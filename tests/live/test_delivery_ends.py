"""A run that hangs or is cancelled ends in time on a real engine, and nothing of it is left."""

import json
import time
from dataclasses import replace

import pytest

from pipeline.delivery.run import StageName
from pipeline.fleet.host import RegistryAccess
from tests.parts.laboratory import Laboratory
from tests.parts.silent_registry import SilentRegistry, silent_registry
from tests.parts.works import HANG, Works, eventually_nothing

pytestmark = pytest.mark.live


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
