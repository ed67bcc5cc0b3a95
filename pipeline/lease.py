"""The right of one process to work on one thing, for a short time."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Lease:
    """The right to work on `key` until `until`. `fence` strictly grows with every new owner of the key."""

    key: str
    owner: str
    fence: int
    until: datetime
