"""One line of a host's checklist: how a thing is, and what to type when it is not well. A noun, and the port that looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pipeline.fleet.host import Host

THINGS = ("reachable", "engine", "disk", "clock", "registry", "proxy", "load balancer")  # in this order


class CheckState(StrEnum):
    """`none`: there is nothing of the kind to look at."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    NONE = "none"


@dataclass(frozen=True)
class Check:
    name: str
    state: CheckState
    text: str
    mend: str = ""


class Checks(Protocol):
    def of(self, host: Host) -> Sequence[Check]:
        """reachable, engine, disk, clock, registry: each once, in this order. Never raises."""


class NoChecks:
    def of(self, host: Host) -> Sequence[Check]:
        return ()
