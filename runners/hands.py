"""Does jobs side by side in threads. Decides nothing, and knows no job."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pipeline.errors import ShipwayError

T = TypeVar("T")


class ThreadHands:
    """Implements `pipeline.ports.Hands`. The threads live as long as one call. They wait for hosts nearly all the time: a
    hundred of a thousand that are silent hold up the rest for ten seconds with 64, for forty with 16."""

    def __init__(self, most: int = 64) -> None:
        self._most = most

    def each(self, jobs: Sequence[Callable[[], T]]) -> list[T | Exception]:
        if len(jobs) < 2:
            return [_done(job) for job in jobs]
        with ThreadPoolExecutor(min(len(jobs), self._most), thread_name_prefix="hand") as pool:
            return list(pool.map(_done, jobs))


def _done(job: Callable[[], T]) -> T | Exception:
    try:
        return job()
    except ShipwayError as error:
        return error
