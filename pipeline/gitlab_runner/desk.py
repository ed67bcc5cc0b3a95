"""What the flows that look after GitLab Runners need from the world. The contract of `pipeline.ports` holds here too."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pipeline.fleet.gitlab_runners import RunnerFleet
from pipeline.fleet.host import Host, HostState
from pipeline.gitlab_runner.runner import ContainerSeen, Record, RunnerSeen, Slot
from pipeline.lease import Lease
from pipeline.ports import Hands
from pipeline.secret import Secret
from pipeline.settings import Settings


class Coordinator(Protocol):
    """GitLab, as far as runners go. Raises `Unreachable` also when only the answer was lost."""

    def create(self, fleet: RunnerFleet, description: str) -> tuple[int, Secret]:
        """Its number, and the token that is shown this once. Calling it twice makes two."""

    def listed(self, fleet: RunnerFleet, beginning: str) -> tuple[RunnerSeen, ...]:
        """Of the fleet's scope, those whose description begins so; attributes of them are not known."""

    def entry(self, fleet: RunnerFleet, runner: int) -> RunnerSeen | None:
        """None: there is no such runner."""

    def update(self, fleet: RunnerFleet, runner: int) -> None:
        """Its attributes become those of the fleet."""

    def reset(self, fleet: RunnerFleet, runner: int) -> Secret:
        """A new token; the one before it is refused from then on."""

    def accepts(self, record: Record) -> bool:
        """Does GitLab take its token?"""

    def delete(self, record: Record, access: Secret | None) -> bool:
        """By its own token, else with `access`. Absent is fine. False: its token is refused, and there is no `access`."""

    def discard(self, fleet: RunnerFleet, runner: int) -> None: ...


class RunnerHosts(Protocol):
    """The hosts' engines. Only containers with the labels of a runner of ours are touched."""

    def look(self, host: Host) -> tuple[ContainerSeen, ...]: ...

    def start(self, fleet: RunnerFleet, record: Record) -> str:
        """The id of one container with its config.toml inside. One that runs with the same fingerprint is adopted, a dead one is
        removed first. Raises `Rejected` while another one runs."""

    def drain(self, host: Host, container: str) -> None:
        """It takes no more jobs, and ends by itself after those that it has. Absent is fine."""

    def ended(self, host: Host, container: str, seconds: float) -> bool:
        """Waits so long at most."""

    def said(self, host: Host, container: str) -> str:
        """Its last lines; empty when it is gone."""

    def end(self, host: Host, container: str) -> None:
        """Whatever it does; and removes it. Absent is fine."""


class RunnerBooks(Protocol):
    """Records of runners; tokens are sealed at rest. Writes with a stale lease raise `Stopped`."""

    def records(self) -> dict[Slot, Record]: ...
    def save(self, record: Record, lease: Lease) -> None: ...
    def forget(self, slot: Slot, lease: Lease) -> None: ...

    def trouble(self, slot: Slot, text: str) -> bool:
        """Empty: none. False when that was known, or the slot has no record."""


class Hold(Protocol):
    """The one lease under which anything is changed."""

    lease: Lease

    def check(self) -> None:
        """Raises `Stopped` when it was lost, or somebody wants us to end."""


class Drained(Protocol):
    """The part of `pipeline.books.Fleet` that is asked here."""

    def hosts(self) -> dict[str, HostState]: ...


@dataclass(frozen=True)
class RunnerDesk:
    """One bag, built in `wiring`. `hold(patience)` raises `Conflict` while somebody else has the lease for that long;
    `nonce` is another word each time."""

    settings: Settings
    coordinator: Coordinator
    engines: RunnerHosts
    books: RunnerBooks
    fleet: Drained
    hands: Hands
    hold: Callable[[float], AbstractContextManager[Hold]]
    now: Callable[[], datetime]
    nonce: Callable[[], str]
    installation: Callable[[], str]

    @property
    def fleets(self) -> Sequence[RunnerFleet]:
        return tuple(self.settings.gitlab_runners.values())
