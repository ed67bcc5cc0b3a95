"""Ids on Redis: how work is woken. RQ is only the queue here; what is due is known by the database alone.

Never carries anything but an id, never retries, never keeps a result. A queue that was emptied loses nothing: the
scheduler wakes again whatever is still due.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer

from pipeline.errors import Unreachable
from runners.doorbell import ring

DELIVER = "shipway-deliver"
DEPLOY = "shipway-deploy"
BEAT_KEY = "shipway:beat:{queue}:{name}"
BEAT_TTL = 15  # seconds
KEEP_FAILURES = 3600  # seconds; for people who look at Redis, nothing of ours reads them


def connect(url: str) -> Redis:
    """Opened lazily by the client, with a timeout on every call."""
    return Redis.from_url(url, socket_connect_timeout=3, socket_timeout=5, health_check_interval=30)


class RedisQueue:
    """`pipeline.ports.JobQueue` on Redis or Valkey."""

    def __init__(self, url: str) -> None:
        self._redis = connect(url)
        self._where = url.rpartition("@")[2]  # never the password
        self._deliver = Queue(DELIVER, connection=self._redis, serializer=JSONSerializer)
        self._deploy = Queue(DEPLOY, connection=self._redis, serializer=JSONSerializer)

    def wake_run(self, run_id: int, new: bool = False) -> None:
        self._push(self._deliver, "pipeline.worker.work_run", "run", run_id, new)

    def wake_deployment(self, deployment_id: int) -> None:
        self._push(self._deploy, "pipeline.worker.work_deployment", "deployment", deployment_id)

    def depth(self) -> int:
        with self._translated():
            return self._deliver.count + self._deploy.count

    def workers(self) -> int:
        with self._translated():
            pattern = BEAT_KEY.format(queue="*", name="*")
            return sum(1 for _ in self._redis.scan_iter(match=pattern, count=1000))

    def close(self) -> None:
        self._redis.close()

    def _push(self, queue: Queue, function: str, noun: str, number: int, new: bool = False) -> None:
        """Each wake is a job of its own: RQ keeps state under a job's id, and a dead worker's must not meet ours."""
        prefix = f"{noun}-{number}-"
        with self._translated():
            ring(self._redis)
            if not new and any(waiting.startswith(prefix) for waiting in queue.get_job_ids()):
                return
            queue.enqueue_call(
                function,
                args=(number,),
                job_id=prefix + uuid.uuid4().hex[:12],
                timeout=-1,
                result_ttl=0,
                failure_ttl=KEEP_FAILURES,
                description=f"{noun} {number}",
            )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except RedisError as error:
            raise Unreachable(
                f"Redis at {self._where} does not answer ({error}). Nothing is lost: work goes on when it is back."
            ) from error
