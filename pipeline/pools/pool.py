"""A pool: machines that a cloud makes and deletes by its API, and one machine's way through it. Nouns only.

    wished → launching → joining → ready → leaving → gone

A wish is written down with its token before the cloud is asked: whatever is lost or dies on the way, asking again with the
same token is answered with the same machine.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from pipeline.scaling.policy import Scaling
from pipeline.secret import Secret

NAME = 30  # letters of a pool's name at most: its machines' names are longer


class Provider(StrEnum):
    ALIYUN = "aliyun"
    AWS = "aws"
    LAB = "lab"


@dataclass(frozen=True)
class Pool:
    """One entry under `pools`. What `type`, `image`, `subnet`, `security_group` and `role` name is the cloud's."""

    name: str
    provider: Provider
    min: int = 0
    max: int = 1
    region: str = ""
    zone: str = ""
    type: str = ""
    image: str = ""
    subnet: str = ""
    security_group: str = ""
    spot: bool = False
    role: str = ""
    disk: int = 0  # GiB of the system disk; 0: as the image says
    labels: dict[str, str] = field(default_factory=dict)
    load_balancer: str = ""
    fuse: float = 6 * 3600.0  # seconds; a machine that nobody extends any more is deleted by its cloud
    join_within: float = 900.0  # seconds
    drain_within: float = 1800.0  # seconds
    endpoint: str = ""
    access_key: str = ""
    secret_key: Secret = field(default_factory=lambda: Secret(""))
    scaling: Scaling | None = None  # None: people alone say how many
    command: tuple[str, ...] = ()  # lab: what makes, lists and deletes machines

    def clamp(self, machines: int) -> int:
        """`max` is the stronger of the two."""
        return min(max(machines, self.min), self.max)


@dataclass(frozen=True)
class Wanted:
    """How many machines a pool should have, who said so and why. `forced`: also by a large change at once."""

    pool: str
    machines: int
    why: str
    by: str
    at: datetime
    forced: bool = False


class State(StrEnum):
    WISHED = "wished"  # written down; the cloud was not asked yet
    LAUNCHING = "launching"  # it was asked, or was about to be; which machine it made is not known
    JOINING = "joining"  # the machine exists; its engine has not joined
    READY = "ready"  # a host like any other
    LEAVING = "leaving"  # it is emptied, then deleted
    GONE = "gone"


class Event(StrEnum):
    ASK = "ask"
    MADE = "made"
    JOINED = "joined"
    LEAVE = "leave"
    GIVEN_UP = "given up"
    DELETED = "deleted"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.WISHED, Event.ASK): State.LAUNCHING,
    (State.WISHED, Event.LEAVE): State.GONE,  # nobody was asked: there is nothing to delete
    (State.LAUNCHING, Event.MADE): State.JOINING,
    (State.LAUNCHING, Event.GIVEN_UP): State.GONE,  # what turns up later all the same is an orphan
    (State.JOINING, Event.JOINED): State.READY,
    (State.JOINING, Event.LEAVE): State.LEAVING,
    (State.READY, Event.LEAVE): State.LEAVING,
    (State.LEAVING, Event.DELETED): State.GONE,
}


@dataclass(frozen=True)
class Machine:
    """One wish and what became of it. `since`: in this state. `ready_at` None: it never joined. `failed`: it goes, or
    went, since it was no use; the pool waits before it wishes for another."""

    pool: str
    wish: str  # the token under which the cloud is asked, and a tag of the machine
    wished_at: datetime
    since: datetime
    state: State = State.WISHED
    id: int = 0
    instance: str = ""  # the cloud's id of it; empty: not known yet
    address: str = ""
    release_at: datetime | None = None  # its cloud deletes it then, unless that is put off
    ready_at: datetime | None = None
    failed: bool = False
    why: str = ""  # it was wished for, or goes
    error: str = ""  # what does not work at the moment, or why it failed

    @property
    def name(self) -> str:
        """Of its host, also before the machine exists."""
        return f"{self.pool}-{self.wish[:8]}"

    @property
    def coming(self) -> bool:
        return self.state in (State.WISHED, State.LAUNCHING, State.JOINING)

    def after(self, event: Event, now: datetime, why: str = "") -> "Machine":
        """A `KeyError` is a mistake of the caller."""
        return replace(self, state=TRANSITIONS[self.state, event], since=now, why=why or self.why, error="")
