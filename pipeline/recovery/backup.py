"""Backups of Shipway itself: how often, how many, and what became of them. Nouns, and the rules of their times; pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from pipeline.recovery.place import Place
from pipeline.secret import Secret

NAME = re.compile(r"shipway-(\d{8}T\d{6}Z)\.backup")
STAMP = "%Y%m%dT%H%M%SZ"
AGAIN = timedelta(minutes=15)  # after one that failed


@dataclass(frozen=True)
class BackupPolicy:
    """`to` None: none is made by itself. `passphrase` empty: the recovery key in the keys' folder seals it."""

    to: Place | None = None
    every: float = 86400.0  # seconds
    keep: int = 7
    logs: bool = False
    artifacts: bool = False
    passphrase: Secret = field(default_factory=lambda: Secret(""))


@dataclass(frozen=True)
class Made:
    """One backup, or one that did not come about: `error` says why."""

    at: datetime
    name: str
    place: str
    size: int = 0
    error: str = ""


class BackupBook(Protocol):
    """What became of backups. A failure is told to people."""

    def note(self, made: Made) -> None: ...

    def newest(self, limit: int = 20) -> Sequence[Made]:
        """Newest first, failures too."""

    def last_good(self) -> Made | None: ...


class NoBackups:
    """Nobody writes them down."""

    def note(self, made: Made) -> None:
        """Forgotten."""

    def newest(self, limit: int = 20) -> Sequence[Made]:
        return ()

    def last_good(self) -> Made | None:
        return None


def name_at(now: datetime) -> str:
    """Names sort as times do."""
    return f"shipway-{now.astimezone(UTC).strftime(STAMP)}.backup"


def is_due(policy: BackupPolicy, made: Sequence[Made], now: datetime) -> bool:
    """`made`: newest first. One that failed is tried again soon, but never more often than the policy says."""
    if policy.to is None:
        return False
    if not made:
        return True
    every = timedelta(seconds=policy.every)
    return now >= made[0].at + (min(every, AGAIN) if made[0].error else every)


def surplus(names: Sequence[str], keep: int) -> list[str]:
    """Those of ours that are older than the newest `keep`. What has another name is somebody else's."""
    ours = sorted(name for name in names if NAME.fullmatch(name))
    return ours[: max(0, len(ours) - keep)]
