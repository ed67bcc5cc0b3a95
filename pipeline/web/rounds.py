"""One look for all who wait for news, a few times a second and in one thread: a thread's turn each would cost more than
the looks do. Whatever fails unexpectedly ends all who wait then; they come again.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

from pipeline.errors import ShipwayError
from pipeline.web.stream import POLL, Feed, Step

THOROUGH = 4  # rounds after which what did not grow is asked whether it is over


@dataclass(eq=False)
class Waiting:
    """Somebody who stands at a position of a feed, and how many rounds went by without news."""

    feed: Feed
    position: int
    news: "asyncio.Future[Step]"
    rounds: int = 0


@dataclass
class Rounds:
    """Belongs to one event loop; goes round only while somebody waits."""

    threads: Executor
    _waiting: list[Waiting] = field(default_factory=list)
    _task: "asyncio.Task[None] | None" = None

    async def news(self, feed: Feed, position: int) -> Step:
        """The first step behind `position` that has something to say, or is the last."""
        waiting = Waiting(feed, position, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._task is None:
            self._task = asyncio.create_task(self._go())
            self._task.add_done_callback(self._ended)
        try:
            return await waiting.news
        finally:
            self._waiting.remove(waiting)

    async def _go(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                await asyncio.sleep(POLL)
                waiting = tuple(self._waiting)
                found = await loop.run_in_executor(self.threads, _look, waiting)
                for one, step in zip(waiting, found, strict=True):
                    _tell(one, step)
        finally:
            self._task = None  # at once: who comes next begins another

    def _ended(self, task: "asyncio.Task[None]") -> None:
        failure = None if task.cancelled() else task.exception()
        for waiting in self._waiting:
            if failure and not waiting.news.done():
                waiting.news.set_exception(failure)


def _look(waiting: Sequence[Waiting]) -> list[Step | ShipwayError]:
    return [_found(one) for one in waiting]


def _found(waiting: Waiting) -> Step | ShipwayError:
    waiting.rounds += 1
    feed, position = waiting.feed, waiting.position
    try:
        if waiting.rounds % THOROUGH == 0 or feed.grown(position):
            return feed.poll(position)
    except ShipwayError as error:
        return error
    return Step(b"", position)


def _tell(waiting: Waiting, found: Step | ShipwayError) -> None:
    if waiting.news.done():
        return  # it left while we looked
    if isinstance(found, ShipwayError):
        waiting.news.set_exception(found)
    elif found.frames or found.over:
        waiting.news.set_result(found)
