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


def run_key(run_id: int) -> str:
    return f"run:{run_id}"


def deployment_key(deployment_id: int) -> str:
    return f"deployment:{deployment_id}"


def site_key(site: object) -> str:
    """For the short time in which one proxy site's configuration is written and loaded."""
    return f"site:{site}"


def entrance_key(name: str) -> str:
    """While one entrance is changed at its provider."""
    return f"entrance:{name}"


def balancer_key(name: str) -> str:
    """For the short time in which members of one load balancer are changed."""
    return f"balancer:{name}"
