"""Logins that end by themselves: asked for when they are needed, kept until shortly before their end. Knows no cloud."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.fleet.host import RegistryAccess

SPARE = 900.0  # seconds: a push or a pull that begins now may take so long


@dataclass(frozen=True)
class Lent:
    """`until`: seconds since 1970."""

    username: str
    password: str
    until: float


class Lender:
    """One login for each registry, whoever asks. One asks the cloud, the others wait for its answer."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._lent: dict[RegistryAccess, Lent] = {}

    def login(self, access: RegistryAccess, borrow: Callable[[RegistryAccess], Lent]) -> tuple[str, str]:
        """User name and password. Raises what `borrow` raises, also while the old login has some minutes left: soon it
        would fail in the middle of something."""
        with self._lock:
            lent = self._lent.get(access)
            if lent is None or lent.until - self._now() < SPARE:
                lent = self._lent[access] = borrow(access)
        return lent.username, lent.password


LENDER = Lender()  # of this process
