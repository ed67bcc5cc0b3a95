"""What a cloud is asked for, and what it says of its machines. Nouns only.

An order is kept as it was first sent, until its machine is known: under one token a cloud takes only the same order again.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from pipeline.errors import Rejected
from pipeline.pools.pool import Pool, Provider
from pipeline.secret import Secret

INSTALLATION, POOL, WISH = "shipway", "shipway-pool", "shipway-wish"  # tags
USER_DATA = {
    Provider.AWS: 16 << 10,
    Provider.ALIYUN: 32 << 10,
    Provider.LAB: 32 << 10,
}  # bytes, before any encoding
BEGINNINGS = ("#cloud-config\n", "#!/")  # what cloud-init takes for what it is


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


def ordered(pool: Pool, wish: str, name: str, user_data: str, now: datetime) -> Order:
    """Raises `Rejected` for user data that no machine would take: on a machine nobody would read the complaint."""
    most = USER_DATA[pool.provider]
    if not user_data.startswith(BEGINNINGS):
        raise Rejected(
            f"Pool {pool.name}: user data must begin with #cloud-config or #!, else machines ignore it."
        )
    if len(user_data.encode()) > most:
        raise Rejected(
            f"Pool {pool.name}: user data has more than the {most} bytes that {pool.provider} takes."
        )
    same = ("region", "zone", "type", "image", "subnet", "security_group", "spot", "role", "disk")
    return Order(
        wish,
        name,
        pool.name,
        **{key: getattr(pool, key) for key in same},
        release_at=now + timedelta(seconds=pool.fuse) if pool.provider is Provider.ALIYUN else None,
        user_data=Secret(user_data),
    )


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
