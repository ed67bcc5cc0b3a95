"""The processes of one machine under everything that can happen to them: real forks, a real Redis, a real database."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from runners.redis_child import PROGRAMS, socket_path
from tests.parts.house import SHIPWAY
from tests.parts.repository import SampleRepository
from tests.parts.workshop import Workshop, alive, gone, within

pytestmark = pytest.mark.live


@pytest.fixture
def workshop(tmp_path: Path, shop: SampleRepository) -> Iterator[Workshop]:
    if not any(shutil.which(name) for name in PROGRAMS):
        missing = "no redis-server and no valkey-server on this machine: apt install redis-server"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    shop.commit("v1")
    shop.push()
    made = Workshop(tmp_path / "house", shop.remote)
    yield made
    if made.process:
        made.kill()


def redis_of(workshop: Workshop) -> Redis:
    return Redis(unix_socket_path=str(socket_path(str(workshop.folder / "data"))))


def test_the_first_start_makes_a_token_that_only_its_owner_can_read(workshop: Workshop) -> None:
    workshop.start()
    token = workshop.folder / "data" / "keys" / "local.token"

    assert token.stat().st_mode & 0o777 == 0o600
    assert workshop.service in workshop.shipway("status")


def test_a_second_up_on_the_same_folder_is_refused_with_a_sentence(workshop: Workshop) -> None:
    workshop.start()

    second = subprocess.run(
        [str(SHIPWAY), "--config", str(workshop.file), "up"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert second.returncode == 6
    assert "Another `shipway up`" in second.stderr
    assert str(workshop.folder / "data") in second.stderr


def test_a_port_in_use_is_one_sentence(workshop: Workshop) -> None:
    workshop.write()
    with socket.create_server(("127.0.0.1", workshop.port)):
        done = subprocess.run(
            [str(SHIPWAY), "--config", str(workshop.file), "up"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 6
    assert done.stderr == (
        f"shipway: Another program already listens on 127.0.0.1:{workshop.port}: `ss -ltnp` tells which. "
        "End it, or set server.listen to another port.\n"
    )


def test_a_killed_part_is_started_again_and_its_signal_said(workshop: Workshop) -> None:
    workshop.start()
    before = workshop.pid("server")

    os.kill(before, signal.SIGKILL)

    workshop.until("another server", lambda: workshop.pid("server") != before, 10, workshop.log)
    workshop.until("it answers", workshop._ready, 20, workshop.log)
    assert "process died child=server signal=SIGKILL" in workshop.log()


def test_a_request_that_arrives_while_the_server_is_dead_is_answered_by_the_next(workshop: Workshop) -> None:
    workshop.start()

    os.kill(workshop.pid("server"), signal.SIGKILL)
    status, _ = workshop.call("GET", "/healthz")

    assert status == 200


def test_sigterm_ends_everything_within_ten_seconds_and_hands_the_work_back(workshop: Workshop) -> None:
    workshop.start()
    run = workshop.started_run()
    everybody = workshop.everybody()

    begun = time.monotonic()
    workshop.stop(10)

    assert time.monotonic() - begun < 10
    assert gone(everybody, 1), [pid for pid in everybody if alive(pid)]
    workshop.start()
    workshop.until("the run is taken up again", lambda: workshop.attempt(run) == 2, 15, workshop.log)


def test_a_killed_supervisor_leaves_no_process(workshop: Workshop) -> None:
    workshop.start()
    workshop.started_run()
    everybody = workshop.everybody()
    assert len(everybody) >= 8

    workshop.kill()

    assert gone(everybody, 3), [pid for pid in everybody if alive(pid)]


def test_a_killed_worker_takes_its_work_along_and_another_one_takes_it_up(workshop: Workshop) -> None:
    workshop.start()
    run = workshop.started_run()
    worker, horse = workshop.builder_at_work()

    os.kill(worker, signal.SIGKILL)

    assert gone([horse], 2)
    workshop.until("the run is taken up again", lambda: workshop.attempt(run) == 2, 15, workshop.log)


def test_a_frozen_worker_is_fenced_and_another_one_goes_on(workshop: Workshop) -> None:
    workshop.start()
    run = workshop.started_run()
    _, frozen = workshop.builder_at_work()

    os.kill(frozen, signal.SIGSTOP)
    workshop.until("the run is taken up again", lambda: workshop.attempt(run) == 2, 15, workshop.log)
    with contextlib.suppress(ProcessLookupError):  # its worker may have found it frozen before us
        os.kill(frozen, signal.SIGCONT)

    assert gone([frozen], 5)
    workshop.builder_at_work(beside=frozen)
    assert workshop.get(f"/runs/{run}")["status"] == "running"


def test_a_frozen_part_is_killed_and_started_again(workshop: Workshop) -> None:
    workshop.start()
    before = workshop.pid("scheduler")
    workshop.until("its first sign of life", workshop.beat("scheduler").exists, 20)

    os.kill(before, signal.SIGSTOP)

    workshop.until("another scheduler", lambda: workshop.pid("scheduler") != before, 30, workshop.log)
    assert "frozen process killed child=scheduler" in workshop.log()


def test_an_emptied_and_killed_redis_loses_no_run(workshop: Workshop) -> None:
    workshop.start()
    for part in ("deliver-1", "deliver-2"):
        os.kill(workshop.pid(part), signal.SIGSTOP)
    run = int(workshop.post(f"{workshop.environment}/runs", {"ref": "main"})["run"])
    with redis_of(workshop) as redis:
        redis.flushall()
    os.kill(workshop.pid("redis"), signal.SIGKILL)
    for part in ("deliver-1", "deliver-2"):
        os.kill(workshop.pid(part), signal.SIGCONT)

    workshop.until("the run is begun", lambda: workshop.attempt(run) == 1, 20, workshop.log)
    assert workshop.get(f"/runs/{run}")["status"] == "running"


def test_work_under_way_survives_a_redis_that_is_killed(workshop: Workshop) -> None:
    workshop.start()
    run = workshop.started_run()
    _, horse = workshop.builder_at_work()
    before = workshop.pid("redis")

    os.kill(before, signal.SIGKILL)
    workshop.until("another Redis", lambda: workshop.pid("redis") != before, 10, workshop.log)
    time.sleep(4)  # longer than the worker's look at its horse, at which RQ would end both

    assert alive(horse)
    assert workshop.attempt(run) == 1


def test_the_same_run_twice_in_the_queue_is_done_once(workshop: Workshop) -> None:
    workshop.start()
    run = workshop.started_run()
    with redis_of(workshop) as redis:
        queue = Queue("shipway-deliver", connection=redis, serializer=JSONSerializer)
        for number in range(3):
            queue.enqueue_call("pipeline.worker.work_run", args=(run,), job_id=f"twice-{number}", timeout=-1)
        workshop.until("the queue is empty", lambda: queue.count == 0, 15, workshop.log)

    assert workshop.attempt(run) == 1
    assert workshop.get(f"/runs/{run}")["status"] == "running"


def test_a_cancelled_run_ends_within_seconds_and_frees_its_worker(workshop: Workshop) -> None:
    workshop.start()
    run = workshop.started_run()

    workshop.shipway("run", "cancel", str(run))

    workshop.until(
        "it is over", lambda: workshop.get(f"/runs/{run}")["status"] == "cancelled", 10, workshop.log
    )
    assert within(5, lambda: not (workshop.folder / "data" / "git" / "trees" / str(run)).exists())


def test_a_log_that_is_followed_ends_when_its_run_does(workshop: Workshop) -> None:
    workshop.start()
    run = workshop.started_run()
    seen: list[str] = []
    follower = threading.Thread(target=lambda: seen.append(workshop.shipway("logs", "-f", str(run))))
    follower.start()

    workshop.shipway("run", "cancel", str(run))
    follower.join(20)

    assert not follower.is_alive()
    assert seen[0] == workshop.shipway("logs", str(run))
    assert f"Run {run} was stopped." in seen[0]
