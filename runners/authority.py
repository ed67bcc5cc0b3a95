"""Our certificate authorities: P-256, each kept in the database with its key sealed, so that all servers share it.

Two, that trust nothing of each other's: `HOSTS` signs what hosts show (engines, agents) and the door itself;
`CONTROLLERS` signs our own client certificates, and is all that an engine trusts. So no key that lies on a host opens
the engine of another one. Names and addresses are the caller's; nothing of a request is copied but its key.
"""

import ipaddress
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOSTS, CONTROLLERS = "hosts", "controllers"
DAYS = 90  # of a host's certificate
YEARS = timedelta(days=3650)  # of an authority
EARLY = timedelta(minutes=5)  # clocks differ


class Usage(StrEnum):
    """A certificate is good for one of these alone."""

    SERVER = "server"
    CLIENT = "client"


PURPOSES = {Usage.SERVER: ExtendedKeyUsageOID.SERVER_AUTH, Usage.CLIENT: ExtendedKeyUsageOID.CLIENT_AUTH}


class Keeping(Protocol):
    """Where authorities are kept."""

    def kept(self, name: str, make: Callable[[], tuple[str, str]]) -> tuple[str, str]:
        """Certificate and key as PEM. Made by the first who asks, of however many."""


class Authority:
    """Reads the database at its first use, and then never again."""

    def __init__(
        self, name: str, keeping: Keeping, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.name = name
        self._keeping = keeping
        self._now = now

    @property
    def pem(self) -> str:
        """Its own certificate."""
        return self._kept[0]

    @cached_property
    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.pem.encode())

    def issue(
        self,
        public_key: ec.EllipticCurvePublicKey,
        name: str,
        addresses: Sequence[str],
        usage: Usage,
        days: float = DAYS,
    ) -> x509.Certificate:
        """`name`: whom it is of, at most 64 characters; `addresses`: names and IPs that it may be shown for."""
        now, subject = self._now(), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = _begun(subject, self.certificate.subject, public_key, now, timedelta(days=days))
        made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        made = made.add_extension(_key_usage(signs_others=False), critical=True)
        made = made.add_extension(x509.ExtendedKeyUsage([PURPOSES[usage]]), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        made = made.add_extension(issuer, critical=False)
        if addresses:
            names = x509.SubjectAlternativeName([_general_name(address) for address in addresses])
            made = made.add_extension(names, critical=False)
        return made.sign(self._key, hashes.SHA256())

    @cached_property
    def _kept(self) -> tuple[str, str]:
        return self._keeping.kept(self.name, lambda: founded(self.name, self._now()))

    @cached_property
    def _key(self) -> ec.EllipticCurvePrivateKey:
        found = load_pem_private_key(self._kept[1].encode(), password=None)
        assert isinstance(found, ec.EllipticCurvePrivateKey)  # noqa: S101 (we made it)
        return found


def founded(name: str, now: datetime) -> tuple[str, str]:
    """A new authority: certificate and key as PEM. It signs certificates of others, and no further authority."""
    key = new_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"shipway-{name}")])
    made = _begun(subject, subject, key.public_key(), now, YEARS)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    made = made.add_extension(_key_usage(signs_others=True), critical=True)
    return pem(made.sign(key, hashes.SHA256())), key_pem(key)


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLY)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(signs_others: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_others,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_others,
        crl_sign=signs_others,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)
