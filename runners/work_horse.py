"""One worker process: waits on one queue, forks for each id, and sees to it that no fork outlives it or freezes.

RQ's worker with its dangers taken out: a horse dies with its worker, is told when to stop, is killed when it gives no
sign of life, and a Redis that goes away in the middle of the work does not end it. Never more than one queue a
process: with two, an id taken at the moment of a kill would be lost by RQ.
"""

import logging
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from pipeline.errors import Unreachable
from runners.job_queue import BEAT_KEY, BEAT_TTL, connect
from runners.process import Beat, Watch, die_with_parent

log = logging.getLogger("shipway.worker")

STALE_HORSE = 15.0  # seconds without a sign of life
FIRST_SIGN = 60.0  # seconds until the first one: a database may be away for a while
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class HorseWorker(Worker):
    """`beat` is this process's own sign of life, `horse_beat` that of the fork at work."""

    max_connection_wait_time = 2.0  # seconds between attempts to reach Redis; RQ's 60 would keep work waiting
    log_job_description = False

    beat = Beat()
    horse_beat = Beat()

    def subscribe(self) -> None:
        """RQ's command channel needs a thread, and forking beside a thread is not safe. We cancel by the database."""

    def unsubscribe(self) -> None: ...

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """In one breath: every idle worker does this every few seconds."""
        self.beat.touch()
        with self._redis_may_be_away(), self.connection.pipeline(transaction=False) as own:
            key = BEAT_KEY.format(queue=self.queues[0].name, name=self.name)
            own.set(key, os.getpid(), ex=BEAT_TTL)
            super().heartbeat(timeout, pipeline=own if pipeline is None else pipeline)
            own.execute()

    def maintain_heartbeats(self, job: Any, execution: Any) -> None:
        """Called every few seconds while the horse works."""
        if self._watch.silence(time.monotonic()) > STALE_HORSE:
            log.warning("frozen work killed", extra={"horse": self.horse_pid, "job": job.id})
            self.kill_horse()
        self.beat.touch()
        with self._redis_may_be_away():
            super().maintain_heartbeats(job, execution)

    def set_state(self, state: str, pipeline: Any = None) -> None:
        with self._redis_may_be_away():
            super().set_state(state, pipeline)
        self._state = state

    def handle_warm_shutdown_request(self) -> None:
        """The horse gives its work back and ends; then so do we."""
        if self.horse_pid:
            os.kill(self.horse_pid, signal.SIGTERM)

    def fork_work_horse(self, job: Any, queue: Queue) -> None:
        """Signals are held back over the fork, so that none is lost before the horse listens."""
        parent = os.getpid()
        self.horse_beat.forget()
        self._watch = Watch(self.horse_beat, time.monotonic(), FIRST_SIGN - STALE_HORSE)
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        child = os.fork()
        if child == 0:
            die_with_parent(parent)
            os.setpgrp()
            self.main_work_horse(job, queue)
            os._exit(0)
        self._horse_pid = child
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def setup_work_horse_signals(self) -> None:
        """Until the work has its own listener a stop ends the horse: nothing was begun yet."""
        random.seed()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    @contextmanager
    def _redis_may_be_away(self) -> Iterator[None]:
        try:
            yield
        except RedisError as error:
            log.warning("queue does not answer", extra={"error": str(error)})


def listen(queue: str, url: str, beat: Beat, horse_beat: Beat, ready: Callable[[], None]) -> None:
    """Work until SIGTERM or SIGINT. Returns when the work in hand was given back."""
    logging.getLogger("rq").setLevel(logging.ERROR)
    logging.getLogger("rq.worker").setLevel(logging.ERROR)
    redis = connect(url)
    try:
        worker = HorseWorker(
            [Queue(queue, connection=redis, serializer=JSONSerializer)],
            connection=redis,
            serializer=JSONSerializer,
            worker_ttl=23,  # the blocking pop returns every 8 s
            job_monitoring_interval=3,
            maintenance_interval=600,
        )
        worker.beat, worker.horse_beat = beat, horse_beat
        ready()
        worker.work(logging_level="ERROR")
    except RedisError as error:
        raise Unreachable(f"Redis at {url.rpartition('@')[2]} does not answer ({error}).") from error
    finally:
        redis.close()
