"""Rings when something begins, over Redis: whoever waits sleeps in the kernel until then. Carries nothing, promises nothing.

A ring that is lost, or a Redis that is away, costs the rest of one wait.
"""

import threading
import time

from redis import Redis
from redis.client import PubSub
from redis.exceptions import RedisError

CHANNEL = "shipway:begins"
AWAY = 5.0  # seconds; a Redis that is away is asked again after this


def ring(redis: "Redis") -> None:
    redis.publish(CHANNEL, b"")


class Doorbell:
    """For one thread that waits. `stopping` ends a wait only while Redis is away; a process that ends needs no answer."""

    def __init__(self, url: str, stopping: threading.Event) -> None:
        self._url = url
        self._stopping = stopping
        self._listening: PubSub | None = None

    def wait(self, seconds: float) -> None:
        """Until somebody rings, or the time is over."""
        until = time.monotonic() + seconds
        try:
            listening = self._listening or self._listen()
            while (left := until - time.monotonic()) > 0:
                if listening.get_message(ignore_subscribe_messages=True, timeout=left):
                    return
        except RedisError:
            self.close()
            self._stopping.wait(min(AWAY, max(0.0, until - time.monotonic())))

    def close(self) -> None:
        if self._listening is not None:
            self._listening.close()
            self._listening = None

    def _listen(self) -> PubSub:
        """Its socket has no timeout of its own: it is meant to be silent."""
        redis = Redis.from_url(self._url, socket_connect_timeout=3, health_check_interval=30)
        self._listening = redis.pubsub()  # type: ignore[no-untyped-call]
        self._listening.subscribe(CHANNEL)
        return self._listening
