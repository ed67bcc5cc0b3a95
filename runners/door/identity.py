"""What the door shows and whom it believes: a certificate of our authority for its addresses, renewed while it stands."""

import os
import ssl
import tempfile
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from runners.authority import Authority, Usage, key_pem, new_key, pem

DAYS = 30.0
EARLY = timedelta(days=10)  # before its end it is made anew
NAME = "shipway-door"


class DoorIdentity:
    """`context()` for the next connection. Its key lives as long as this process and is on no disk for longer than a call.
    `guests`: a host that joins has no certificate yet; one that is shown must be of the same authority in any case."""

    def __init__(
        self,
        authority: Authority,
        addresses: Sequence[str],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        guests: ssl.VerifyMode = ssl.CERT_OPTIONAL,
    ) -> None:
        self._authority, self._guests = authority, guests
        self._addresses = tuple(addresses)
        self._now = now
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None
        self._until = datetime.min.replace(tzinfo=UTC)

    def context(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None or self._now() > self._until - EARLY:
                self._context, self._until = self._made()
            return self._context

    def _made(self) -> tuple[ssl.SSLContext, datetime]:
        key = new_key()
        certificate = self._authority.issue(key.public_key(), NAME, self._addresses, Usage.SERVER, DAYS)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.verify_mode = self._guests
        context.load_verify_locations(cadata=self._authority.pem)
        _load(context, pem(certificate) + self._authority.pem + key_pem(key))
        return context, certificate.not_valid_after_utc


def _load(context: ssl.SSLContext, text: str) -> None:
    """The ssl module reads files alone."""
    handle, name = tempfile.mkstemp(prefix="shipway-door-")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
        context.load_cert_chain(name)
    finally:
        Path(name).unlink()


def serial_of(connection: ssl.SSLSocket) -> str:
    """Of the client certificate that was verified in the handshake; empty: none was shown."""
    shown = connection.getpeercert(binary_form=True)
    return f"{x509.load_der_x509_certificate(shown).serial_number:x}" if shown else ""
