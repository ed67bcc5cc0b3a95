"""What a cloud is asked for, and what it says of its machines. Nouns only.

An order is kept as it was first sent, until its machine is known: under one token a cloud takes only the same order again.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pipeline.secret import Secret

INSTALLATION, POOL, WISH = "shipway", "shipway-pool", "shipway-wish"  # tags


@dataclass(frozen=True)
class Order:
    """One machine, whole. `user_data` is plain text; it holds a token that is good once."""

    wish: str
    name: str
    pool: str
    region: str = ""
    zone: str = ""
    type: str = ""
    image: str = ""
    subnet: str = ""
    security_group: str = ""
    spot: bool = False
    role: str = ""
    disk: int = 0
    release_at: datetime | None = None
    user_data: Secret = field(default_factory=lambda: Secret(""))
    tags: dict[str, str] = field(default_factory=dict)


class InstanceState(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    STOPPED = "stopped"  # or on its way there
    ENDING = "ending"  # being deleted
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Instance:
    """A machine that carries our tags, as its cloud sees it. `taken`: the cloud is about to take it back (spot), in its words."""

    id: str
    wish: str
    state: InstanceState
    address: str = ""
    launched_at: datetime | None = None
    taken: str = ""
