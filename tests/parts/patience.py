"""Waits until something is there, and asks less often the longer it takes: answering the tests costs a tenth of a machine."""

import time
from collections.abc import Callable

OFTEN, SELDOM = 0.05, 0.4  # seconds between two questions, at first and later


def until(
    what: str,
    done: Callable[[], bool],
    seconds: float,
    why: Callable[[], str] = lambda: "",
    seldom: float = SELDOM,
) -> None:
    """`seldom`: less for what passes soon, and must be met. Fails with `what` and `why`."""
    begun = time.monotonic()
    while not done():
        passed = time.monotonic() - begun
        if passed > seconds:
            raise AssertionError(f"{what}: not within {seconds} s. {why()}")
        time.sleep(min(seldom, max(OFTEN, passed / 20)))
