"""A desk with our real authorities over a fresh database, and machines that come to it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from pipeline.enrolment.desk import EnrolmentDesk
from pipeline.enrolment.doorway import Doorway
from pipeline.enrolment.invitation import Newcomer
from pipeline.fleet.host import Host
from runners.authority import CONTROLLERS, HOSTS, Authority, new_key
from runners.papers import EnrolmentPapers
from runners.signing import AuthoritySigner
from runners.store import Store

DOORWAY = Doorway("127.0.0.1:8443", ("127.0.0.1",))
SEEN = Newcomer(
    "10.0.0.7", hostname="Web_7.example.com", address="10.0.0.7", instance="i-7", provider="aliyun"
)


class Hands:
    """A clock that tests move, and engines that answer or not."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)
        self.sick: Exception | None = None
        self.knocked: list[Host] = []

    def now(self) -> datetime:
        return self.moment

    def later(self, **span: float) -> None:
        self.moment += timedelta(**span)

    def knock(self, host: Host) -> str:
        self.knocked.append(host)
        if self.sick:
            raise self.sick
        return "27.1"


class Kept:
    """Authorities of nobody's database."""

    def kept(self, name: str, make: Callable[[], tuple[str, str]]) -> tuple[str, str]:
        return make()


def papers_in(folder: Path, agent: bool = True) -> EnrolmentPapers:
    folder.mkdir(exist_ok=True)
    (folder / "enrol.sh").write_text("DOORS='@doors@'\n")
    return EnrolmentPapers(DOORWAY, folder, lambda: "# the agent\n" if agent else "")


def desk_on(store: Store, hands: Hands, folder: Path, **other: object) -> EnrolmentDesk:
    made = EnrolmentDesk(
        doorway=DOORWAY,
        invitations=store.invitations,
        certificates=store.certificates,
        signer=AuthoritySigner(
            Authority(HOSTS, store.authorities, hands.now),
            Authority(CONTROLLERS, store.authorities, hands.now),
        ),
        roster=store.roster,
        papers=papers_in(folder / "papers"),
        clock=hands,
        knock=hands.knock,
        of_file=lambda: {"file-1"},
        note=store.audit.note,
    )
    return replace(made, **other)  # type: ignore[arg-type]


def request_of(key: ec.EllipticCurvePrivateKey | None = None, *names: str) -> str:
    """What `openssl req` would make."""
    made = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "host")])
    )
    if names:
        wanted = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        made = made.add_extension(wanted, critical=False)
    return made.sign(key or new_key(), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def serial_of(pem: str) -> str:
    return f"{x509.load_pem_x509_certificate(pem.encode()).serial_number:x}"
