"""The queue on a real Redis: what is pushed, what is not pushed twice, and what a Redis that is away does."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from pipeline.errors import Unreachable
from runners.doorbell import Doorbell
from runners.job_queue import BEAT_KEY, DELIVER, DEPLOY, RedisQueue
from runners.redis_child import PROGRAMS, prepare, program, redis_url, socket_path, words

pytestmark = pytest.mark.live


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    if not any(shutil.which(name) for name in PROGRAMS):
        missing = "no redis-server and no valkey-server on this machine: apt install redis-server"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    prepare(str(tmp_path))
    process = subprocess.Popen(words(program(), str(tmp_path)))
    with Redis(unix_socket_path=str(socket_path(str(tmp_path)))) as client:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                client.ping()
                break
            except RedisError:
                time.sleep(0.05)
        yield client
    process.terminate()
    process.wait(10)


@pytest.fixture
def queue(redis: Redis, tmp_path: Path) -> Iterator[RedisQueue]:
    made = RedisQueue(redis_url("", str(tmp_path)))
    yield made
    made.close()


def jobs(redis: Redis, name: str) -> list[Job]:
    return Queue(name, connection=redis, serializer=JSONSerializer).jobs


def test_runs_and_deployments_never_wait_behind_each_other(queue: RedisQueue, redis: Redis) -> None:
    queue.wake_run(5)
    queue.wake_deployment(7)

    assert [(job.func_name, list(job.args)) for job in jobs(redis, DELIVER)] == [
        ("pipeline.worker.work_run", [5])
    ]
    assert [(job.func_name, list(job.args)) for job in jobs(redis, DEPLOY)] == [
        ("pipeline.worker.work_deployment", [7])
    ]


def test_a_job_carries_an_id_and_nothing_else(queue: RedisQueue, redis: Redis) -> None:
    queue.wake_run(5)

    job = jobs(redis, DELIVER)[0]
    assert (job.timeout, job.result_ttl, job.retries_left) == (-1, 0, None)
    assert (list(job.args), job.kwargs, job.meta) == ([5], {}, {})


def test_an_id_that_waits_is_not_pushed_again(queue: RedisQueue) -> None:
    for _ in range(3):
        queue.wake_run(5)
    queue.wake_run(51)

    assert queue.depth() == 2


def test_an_id_that_is_new_is_pushed_without_a_look_at_those_that_wait(queue: RedisQueue) -> None:
    queue.wake_run(5, new=True)
    queue.wake_run(5)

    assert queue.depth() == 1


def test_an_id_that_was_taken_may_be_pushed_again(queue: RedisQueue, redis: Redis) -> None:
    queue.wake_run(5)
    redis.lpop(f"rq:queue:{DELIVER}")

    queue.wake_run(5)

    assert queue.depth() == 1


def test_an_emptied_queue_takes_the_same_id_again(queue: RedisQueue, redis: Redis) -> None:
    queue.wake_run(5)
    redis.flushall()

    queue.wake_run(5)

    assert queue.depth() == 1


def test_workers_are_those_that_gave_a_sign_of_life(queue: RedisQueue, redis: Redis) -> None:
    assert queue.workers() == 0
    redis.set(BEAT_KEY.format(queue=DEPLOY, name="a"), 1, px=100)
    redis.set(BEAT_KEY.format(queue=DELIVER, name="b"), 1, ex=60)
    assert queue.workers() == 2

    time.sleep(0.2)  # Redis' own clock decides

    assert queue.workers() == 1


def test_a_redis_that_is_away_is_a_sentence_without_its_password() -> None:
    queue = RedisQueue("redis://:hunter2@127.0.0.1:1/0")

    with pytest.raises(Unreachable, match=r"Redis at 127\.0\.0\.1:1/0 does not answer") as caught:
        queue.wake_run(5)

    assert "hunter2" not in str(caught.value)
    queue.close()


def test_whoever_waits_for_work_to_begin_is_woken_by_it(redis: Redis, tmp_path: Path) -> None:
    url = redis_url("", str(tmp_path))
    bell, began = Doorbell(url, threading.Event()), time.monotonic()
    bell.wait(0.2)

    RedisQueue(url).wake_deployment(7)
    bell.wait(30)

    assert 0.2 <= time.monotonic() - began < 10
    bell.close()


def test_a_doorbell_without_redis_waits_its_time_and_works_again_after(tmp_path: Path) -> None:
    bell, began = Doorbell(redis_url("", str(tmp_path)), threading.Event()), time.monotonic()

    bell.wait(0.3)

    assert 0.3 <= time.monotonic() - began < 5


def test_a_process_that_ends_is_not_held_by_its_doorbell(tmp_path: Path) -> None:
    stopping = threading.Event()
    stopping.set()
    began = time.monotonic()

    Doorbell(redis_url("", str(tmp_path)), stopping).wait(30)

    assert time.monotonic() - began < 5
