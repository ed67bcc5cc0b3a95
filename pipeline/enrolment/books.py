"""What is written down of who may join and who did: ports of the database, of the contract of `pipeline/books.py`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from pipeline.enrolment.invitation import HostCertificate, Invitation, SigningRequest


class Invitations(Protocol):
    """Tokens are 256 random bits; only their hashes are kept."""

    def invite(self, invitation: Invitation) -> str:
        """The token's text, which is never seen again."""

    def find(self, token: str) -> Invitation | None:
        """None: there is none. One that ended is found for a day, so that it can be said that it ended."""

    def bind(self, token: str, key: str, host: str) -> Invitation:
        """The first key that comes, with the name that it gets, stays; how it stands now is answered. So of two machines
        that come at once, one sees another key than its own. Raises `NotFound`."""

    def withdraw(self, pool: str, instance: str) -> None:
        """Those of a pool's machine. None is fine."""


class Certificates(Protocol):
    """Each certificate that a host was given: written down before it is handed out."""

    def add(self, certificate: HostCertificate) -> None: ...

    def find(self, serial: str) -> HostCertificate | None: ...

    def holders(self) -> Mapping[str, str]:
        """Host -> fingerprint of the key that its newest certificate is for; without those that were revoked."""

    def ends(self) -> Mapping[str, datetime]:
        """Host -> when the newest client certificate that it has ends; without those that were revoked."""

    def of(self, host: str) -> Sequence[HostCertificate]:
        """The newest first."""

    def revoke(self, host: str, by: str, at: datetime) -> int:
        """All of the host's; how many were good until now."""


class Signer(Protocol):
    """Our authorities."""

    @property
    def hosts(self) -> str:
        """PEM: whom we and hosts believe when a host or the door shows a certificate."""

    @property
    def controllers(self) -> str:
        """PEM: whom engines believe when we call them."""

    def read(self, request: str) -> SigningRequest:
        """Raises `Refused` when it is none, is not signed by its own key, or has a key that we do not take."""

    def sign(
        self, request: str, host: str, addresses: Sequence[str], usage: str
    ) -> tuple[HostCertificate, str]:
        """For 90 days, `usage` server or client. What to write down, and the PEM."""
