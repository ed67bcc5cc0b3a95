"""Trying again: what is `Unreachable` now may answer in a moment. Bounded by a deadline, with full jitter, so that many
who were turned away together do not come back together (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter).

Never tries again what was refused for good.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from pipeline.errors import Unreachable

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """Seconds. The clock, the sleep and the dice are arguments, so that tests wait for nothing."""

    deadline: float = 30.0
    first: float = 0.2  # the longest pause after the first failure; it doubles
    longest: float = 8.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    share: Callable[[], float] = random.random

    def retrying(self, work: Callable[[], T]) -> T:
        """The result of the first time that works; at the deadline the last `Unreachable`, with the time it took."""
        begin = self.clock()
        tries = 0
        while True:
            try:
                return work()
            except Unreachable as error:
                pause = self.share() * min(self.longest, self.first * 2.0**tries)
                tries += 1
                waited = self.clock() - begin
                if waited + pause > self.deadline:
                    raise Unreachable(f"{error} Tried {tries} times in {waited:.0f} s.") from error
            self.sleep(pause)


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most `size`, and never an empty one."""
    rest = iter(items)
    while found := list(islice(rest, size)):
        yield found
