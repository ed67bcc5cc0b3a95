"""kill -9 in every stage of a run and every phase of a rollout: another worker takes the work up and ends it well.

One Shipway for all of them; each test pushes the next version onto what the one before it left live.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from redis import Redis

from runners.redis_child import socket_path
from tests.parts.crew import kill_at_work, takings
from tests.parts.house import House
from tests.parts.laboratory import Laboratory
from tests.parts.lasting import LoadOn, lasting
from tests.parts.lasting import own_files as own_files
from tests.parts.lasting import shop as shop
from tests.parts.outages import frozen, registry_of
from tests.parts.pushes import (
    begun,
    deployment_of,
    in_phase,
    in_stage,
    in_status,
    releases_on,
    versions,
)
from tests.parts.repository import OWN_FILE, SampleRepository

pytestmark = pytest.mark.live
TAKEN_UP_WITHIN = 15.0  # seconds
# Never well, and slow to stop, so that its way back is long enough to be met on it
NEVER_WELL = (
    "run: {port: 8000, stop_timeout: 4s}\nhealth: {path: /, status: 204, interval: 200ms, deadline: 3s}\n"
)


@pytest.fixture(scope="module")
def house(lab: Laboratory, shop: SampleRepository) -> Iterator[House]:
    """Up, with a release live."""
    with lasting(lab, shop, lab.hosts[:2]) as made:
        yield made


def slow(house: House) -> dict[str, str]:
    """Files of a commit whose build and tests last long enough to be met at them. No builder has this step yet."""
    lines = (f"RUN sleep 2; echo {house.service}", "COPY . /app", 'CMD ["python3", "/app/server.py"]')
    return {
        "Dockerfile": "\n".join(("FROM python:3.11-slim", "WORKDIR /app", *lines, "")),
        ".shipway.yml": OWN_FILE,
        "test_slow.py": "import time\n\n\ndef test_slow():\n    time.sleep(2)\n",
    }


def killed_and_taken_up(house: House, queue: str, noun: str, number: int) -> None:
    """kill -9 whoever is at work, and wait for the next one."""
    already = takings(house, noun, number)
    dead_at = kill_at_work(house, queue)
    taken_up(house, noun, number, already, dead_at)


def taken_up(house: House, noun: str, number: int, already: int, dead_at: float) -> None:
    left = TAKEN_UP_WITHIN - (time.monotonic() - dead_at)
    house.until(
        f"{noun} {number} is taken up again", lambda: takings(house, noun, number) > already, left, house.log
    )


@contextmanager
def mirror_in_use(house: House) -> Iterator[None]:
    """As if another run were fetching: a checkout waits for it."""
    (lock,) = (house.folder / "data" / "git").rglob("*.lock")
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def left_behind(house: House, run: int) -> list[str]:
    """Containers, networks and unnamed images of the run on the builder, and work trees."""
    mark = f"label=shipway.run={run}"
    found = [
        line
        for words in (["ps", "-aq"], ["network", "ls", "-q"], ["images", "-q", "-f", "dangling=true"])
        for line in docker(house.lab.builder, *words, "--filter", mark)
    ]
    return found + [str(tree) for tree in (house.folder / "data" / "git" / "trees").glob("*")]


def docker(engine: str, *words: str) -> list[str]:
    done = subprocess.run(
        ["docker", "-H", engine, *words], capture_output=True, text=True, check=True, timeout=20
    )
    return done.stdout.split()


@contextmanager
def redis_of(house: House) -> Iterator[Redis]:
    with Redis(unix_socket_path=str(socket_path(str(house.folder / "data")))) as redis:
        yield redis


def test_a_run_whose_worker_is_killed_in_every_stage_still_arrives(
    house: House, shop: SampleRepository
) -> None:
    with mirror_in_use(house):
        run = begun(house, shop, "v1", **slow(house))
        in_stage(house, run, "checkout")
        killed_and_taken_up(house, "deliver", "run", run)
    for stage in ("build", "test"):
        in_stage(house, run, stage)
        killed_and_taken_up(house, "deliver", "run", run)
    with frozen(registry_of(house.lab)):
        in_stage(house, run, "publish")
        killed_and_taken_up(house, "deliver", "run", run)

    assert house.finished_run(run)["status"] == "succeeded"
    assert house.get(f"/runs/{run}")["attempt"] == 5
    assert versions(house) == {"v1"}
    assert left_behind(house, run) == []


def test_a_rollout_whose_worker_is_killed_in_every_phase_still_arrives(
    house: House, shop: SampleRepository, load_on: LoadOn
) -> None:
    with load_on(house.fronts) as load:
        run = begun(house, shop, "v2")
        deployment = deployment_of(house, run)
        for phase in ("starting", "checking", "switching|baking", "done"):
            in_phase(house, deployment, *phase.split("|"))
            killed_and_taken_up(house, "deploy", "deployment", deployment)
        assert house.finished_run(run)["status"] == "succeeded"
        counts = load.stop()

    assert counts.failed == 0, counts
    assert versions(house) == {"v2"}
    assert len(releases_on(house)) == 1


def test_a_rollback_whose_worker_is_killed_is_finished_by_the_next(
    house: House, shop: SampleRepository
) -> None:
    before = versions(house)
    run = begun(house, shop, "v3", bad="deaf", **{".shipway.yml": NEVER_WELL})
    deployment = deployment_of(house, run)

    in_status(house, deployment, "rolling_back")
    killed_and_taken_up(house, "deploy", "deployment", deployment)

    assert house.finished_deployment(deployment)["status"] == "rolled_back"
    assert house.finished_run(run)["status"] == "failed"
    assert versions(house) == before
    assert len(releases_on(house)) == 1


def test_a_redis_that_is_emptied_and_killed_in_a_rollout_changes_nothing(
    house: House, shop: SampleRepository, load_on: LoadOn
) -> None:
    with load_on(house.fronts) as load:
        run = begun(house, shop, "v4")
        deployment = deployment_of(house, run)
        in_phase(house, deployment, "checking")
        with redis_of(house) as redis:
            redis.flushall()
        os.kill(house.pid("redis"), signal.SIGKILL)
        assert house.finished_run(run)["status"] == "succeeded"
        counts = load.stop()

    assert counts.failed == 0, counts
    assert takings(house, "deployment", deployment) == 1
    assert versions(house) == {"v4"}
    assert house.call("GET", "/readyz")[0] == 200


def test_everything_killed_and_redis_lost_in_a_rollout_still_arrives_after_the_next_start(
    house: House, shop: SampleRepository, load_on: LoadOn
) -> None:
    with load_on(house.fronts) as load:
        run = begun(house, shop, "v5")
        deployment = deployment_of(house, run)
        in_phase(house, deployment, "checking")
        house.kill()
        shutil.rmtree(house.folder / "data" / "redis")
        already, up_at = takings(house, "deployment", deployment), time.monotonic()
        house.start()
        taken_up(house, "deployment", deployment, already, up_at)
        assert house.finished_run(run)["status"] == "succeeded"
        counts = load.stop()

    assert counts.failed == 0, counts
    assert versions(house) == {"v5"}
    assert len(releases_on(house)) == 1
