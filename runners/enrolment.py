"""Puts together what the flows of enrolment need, from the database and the operator's file."""

from collections.abc import Callable
from pathlib import Path

from pipeline.enrolment.desk import EnrolmentDesk
from pipeline.fleet.host import Host
from pipeline.roster import Roster
from pipeline.settings import Server, Settings
from runners.authority import CONTROLLERS, HOSTS, Authority
from runners.clock import SystemClock
from runners.engine_errors import speaking
from runners.own_certificate import OwnCertificate
from runners.papers import EnrolmentPapers
from runners.reach import QUICK, Reach
from runners.signing import AuthoritySigner
from runners.store import Store


def enrolment_desk(
    file: Settings, store: Store, reach: Reach, own: OwnCertificate, roster: Roster
) -> EnrolmentDesk | None:
    """None where the file lets nobody join. Opens nothing yet."""
    if file.enrolment is None:
        return None
    return EnrolmentDesk(
        doorway=file.enrolment,
        invitations=store.invitations,
        certificates=store.certificates,
        signer=AuthoritySigner(
            Authority(HOSTS, store.authorities), Authority(CONTROLLERS, store.authorities)
        ),
        roster=roster,
        papers=EnrolmentPapers(file.enrolment),
        clock=SystemClock(),
        knock=knocking(reach, own),
        of_file=lambda: file.hosts,
        note=store.audit.note,
    )


def own_certificate(server: Server, store: Store) -> OwnCertificate:
    folder = Path(server.data) / "keys"
    return OwnCertificate(
        folder, Authority(HOSTS, store.authorities), Authority(CONTROLLERS, store.authorities)
    )


def knocking(reach: Reach, own: OwnCertificate) -> Callable[[Host], str]:
    """Raises `Unreachable` or `Rejected`, saying why its engine does not answer."""

    def knock(host: Host) -> str:
        known = own.of(host)
        client = reach.client(known, QUICK)
        with speaking(known, "ask for the engine's version"):
            return str(client.version()["Version"])

    return knock
