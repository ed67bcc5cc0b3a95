"""Followers of streams in one event loop: however many there are, each thing they follow is read once.

Sends what a feed says; never decides what that is.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from prometheus_client import Gauge

from pipeline.errors import ShipwayError
from pipeline.web.rounds import Rounds
from pipeline.web.stream import CLOSING, KEEP_ALIVE, OPENING, QUIET, Feed, Handover, Step, trouble

log = logging.getLogger("shipway.web")

T = TypeVar("T")
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

MOST = 2000  # open streams
READERS = 4  # threads that read feeds
RECHECK = 30.0  # seconds after which a follower's token must still be good


@dataclass
class Reading:
    """One wait for news behind one position, shared by all who stand there."""

    task: "asyncio.Task[Step]"
    users: int = 0


class Followers:
    """Belongs to one event loop. After `close` every open stream ends with a comment."""

    def __init__(self, open_streams: Gauge) -> None:
        self._gauge = open_streams
        self._open = 0
        self._closing = asyncio.Event()
        self._readings: dict[tuple[str, int], Reading] = {}
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="follow")
        self._rounds = Rounds(self._threads)

    @property
    def room(self) -> bool:
        return self._open < MOST and not self._closing.is_set()

    def close(self) -> None:
        self._closing.set()

    def free(self) -> None:
        """After the last stream has ended."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def serve(self, feed: Feed, handover: Handover, receive: Receive, send: Send) -> None:
        """Until the feed is over, the client or its token is gone, or we close."""
        ends = [asyncio.create_task(_hangs_up(receive)), asyncio.create_task(self._closing.wait())]
        self._count(1)
        try:
            await self._follow(feed, handover, ends, send)
        except ShipwayError as error:
            log.warning("stream ended", extra={"feed": feed.key, "error": str(error)})
            await _send(send, trouble(error))
        finally:
            self._count(-1)
            for end in ends:
                end.cancel()
        if self._closing.is_set():
            await _send(send, CLOSING)
        await send({"type": "http.response.body", "body": b""})

    async def _follow(
        self, feed: Feed, handover: Handover, ends: "list[asyncio.Task[Any]]", send: Send
    ) -> None:
        loop = asyncio.get_running_loop()
        position, checked, at_once = handover.position, loop.time(), True
        await _send(send, OPENING)
        while not any(end.done() for end in ends):
            step = await self._next(feed, position, at_once, ends)
            at_once = step is not None and step.more
            if step is None:
                await _send(send, KEEP_ALIVE)
            else:
                await _send(send, step.frames)
                position = step.position
                if step.over:
                    return
            if loop.time() - checked >= RECHECK:
                checked = loop.time()
                await self._in_thread(handover.welcome)

    async def _next(
        self, feed: Feed, position: int, at_once: bool, ends: "list[asyncio.Task[Any]]"
    ) -> Step | None:
        """What comes behind `position`; None when nothing did for a while, or when the stream ends."""
        key = (feed.key, position)
        reading = self._readings.get(key)
        if reading is None:
            reading = self._readings[key] = Reading(asyncio.create_task(self._read(feed, position, at_once)))
        reading.users += 1
        try:
            await asyncio.wait([reading.task, *ends], timeout=QUIET, return_when=asyncio.FIRST_COMPLETED)
            return reading.task.result() if reading.task.done() else None
        finally:
            self._let_go(key, reading)

    def _let_go(self, key: tuple[str, int], reading: Reading) -> None:
        """The last one who waits takes the reading down; one that is done serves nobody who comes later."""
        reading.users -= 1
        if reading.users == 0 and not reading.task.cancel() and not reading.task.cancelled():
            reading.task.exception()  # looked at, so that asyncio does not complain of one that nobody heard
        if (reading.users == 0 or reading.task.done()) and self._readings.get(key) is reading:
            del self._readings[key]

    async def _read(self, feed: Feed, position: int, at_once: bool) -> Step:
        if at_once:
            step = await self._in_thread(lambda: feed.poll(position))
            if step.frames or step.over:
                return step
        return await self._rounds.news(feed, position)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _count(self, change: int) -> None:
        self._open += change
        self._gauge.set(self._open)


async def _hangs_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _send(send: Send, frames: bytes) -> None:
    if frames:
        await send({"type": "http.response.body", "body": frames, "more_body": True})
