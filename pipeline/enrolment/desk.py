"""What the flows of enrolment need: one bag, built in `wiring`, None where shipway.yml lets nobody join."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pipeline.enrolment.books import Certificates, Invitations, Signer
from pipeline.enrolment.doorway import Doorway
from pipeline.fleet.host import Host
from pipeline.roster import Roster


class Papers(Protocol):
    """What a host is given to run. Texts; nothing is sent."""

    @property
    def script(self) -> str:
        """The program that joins, renews and guards."""

    @property
    def agent(self) -> str:
        """The agent's program; empty: this Shipway has none."""

    def line(self, ca: str, token: str) -> str:
        """One line for a shell of root's."""

    def user_data(self, ca: str, token: str) -> str:
        """The same for cloud-init. Raises `BadConfig` when a cloud would not take it."""


class Clock(Protocol):
    def now(self) -> datetime: ...


@dataclass(frozen=True)
class EnrolmentDesk:
    """`of_file`: names of the hosts in shipway.yml. `knock`: the version of a host's engine; raises `Unreachable` or
    `Rejected` when it does not answer us. `note`: the audit: who, what, to what, in detail."""

    doorway: Doorway
    invitations: Invitations
    certificates: Certificates
    signer: Signer
    roster: Roster
    papers: Papers
    clock: Clock
    knock: Callable[[Host], str]
    of_file: Callable[[], Collection[str]]
    note: Callable[[str, str, str, str], None]
