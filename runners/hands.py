"""Does jobs side by side in threads. Decides nothing, and knows no job."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from threading import Thread
from typing import Generic, TypeVar

from pipeline.errors import ShipwayError

T = TypeVar("T")

STUCK = 0.25  # seconds in which no job is begun, though some wait


class ThreadHands:
    """Implements `pipeline.ports.Hands`. The threads live as long as one call. They wait for hosts nearly all the time; when all
    of them wait for silent ones, as many again take up the rest. So however many hosts are silent, together they take
    little longer than one."""

    def __init__(self, most: int = 64) -> None:
        self._most = most

    def each(self, jobs: Sequence[Callable[[], T]]) -> list[T | Exception]:
        if len(jobs) < 2:
            return [_done(job) for job in jobs]
        return _Round(jobs).done(self._most)


class _Round(Generic[T]):
    """The jobs of one call, and the threads that take one after the other of them."""

    def __init__(self, jobs: Sequence[Callable[[], T]]) -> None:
        self._outcomes: list[Future[T | Exception]] = [Future() for _ in jobs]
        self._waiting = deque(zip(jobs, self._outcomes, strict=True))
        self._threads: list[Thread] = []

    def done(self, most: int) -> list[T | Exception]:
        self._begin(most)
        while self._waiting:
            before = len(self._waiting)
            wait(self._outcomes, STUCK)
            if len(self._waiting) == before:
                with suppress(
                    RuntimeError
                ):  # there are no more threads to be had; those there are take longer
                    self._begin(len(self._threads))
        for thread in self._threads:
            thread.join()
        return [outcome.result() for outcome in self._outcomes]

    def _begin(self, number: int) -> None:
        for _ in range(min(number, len(self._waiting))):
            thread = Thread(target=self._work, name="hand", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _work(self) -> None:
        while True:
            try:
                job, outcome = self._waiting.popleft()
            except IndexError:
                return
            try:
                outcome.set_result(_done(job))
            except BaseException as error:  # noqa: BLE001 raised where the results are wanted
                outcome.set_exception(error)


def _done(job: Callable[[], T]) -> T | Exception:
    try:
        return job()
    except ShipwayError as error:
        return error
