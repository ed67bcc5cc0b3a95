"""Until when certificates are good: of a server that is asked, or in a file. Trusts nothing, sends nothing."""

import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from runners.examining.finding import Finding, bad, ok, warn

SOON = 21  # days; most authorities renew at a third of ninety
TIMEOUT = 5.0


def served(address: str, port: int, cert: str = "", key: str = "") -> datetime:
    """Whatever the server shows: whether it is trusted, the calls of the part itself tell. Raises `OSError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if cert:
        context.load_cert_chain(cert, key)
    with (
        socket.create_connection((address, port), timeout=TIMEOUT) as line,
        context.wrap_socket(line, server_hostname=address) as safe,
    ):
        shown = safe.getpeercert(binary_form=True)
    return x509.load_der_x509_certificate(shown or b"").not_valid_after_utc


def written(path: str) -> datetime:
    """Of a PEM file. Raises `OSError`, `ValueError`."""
    return x509.load_pem_x509_certificate(Path(path).read_bytes()).not_valid_after_utc


def judged(name: str, what: str, until: datetime, mend: str, now: datetime | None = None) -> list[Finding]:
    """Nothing to say of one that is good for long."""
    days = (until - (now or datetime.now(UTC))).days
    if days < 0:
        return [bad(name, f"{what} ended on {until:%Y-%m-%d}", mend)]
    if days < SOON:
        return [warn(name, f"{what} ends in {days} days, on {until:%Y-%m-%d}", mend)]
    return [ok(name, f"{what} is good until {until:%Y-%m-%d}")]
