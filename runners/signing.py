"""Port `Signer` over our two authorities: reads requests for certificates strictly, and signs their keys, nothing else."""

import hashlib
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pipeline.enrolment.invitation import HostCertificate, SigningRequest
from pipeline.errors import Refused
from runners.authority import Authority, Usage, pem

LARGEST = 8 << 10  # bytes of a request
CURVES = ("secp256r1", "secp384r1")
AGAIN = "The line from `shipway hosts invite` makes one that is."


class AuthoritySigner:
    """Implements `pipeline.enrolment.books.Signer`."""

    def __init__(self, hosts: Authority, controllers: Authority) -> None:
        self._hosts = hosts
        self._controllers = controllers

    @property
    def hosts(self) -> str:
        return self._hosts.pem

    @property
    def controllers(self) -> str:
        return self._controllers.pem

    def read(self, request: str) -> SigningRequest:
        found = _read(request)
        return SigningRequest(fingerprint(_key(found)), _names(found))

    def sign(
        self, request: str, host: str, addresses: Sequence[str], usage: str
    ) -> tuple[HostCertificate, str]:
        key = _key(_read(request))
        made = self._hosts.issue(key, host, addresses, Usage(usage))
        serial, life = f"{made.serial_number:x}", (made.not_valid_before_utc, made.not_valid_after_utc)
        return HostCertificate(serial, host, fingerprint(key), usage, *life), pem(made)


def fingerprint(key: ec.EllipticCurvePublicKey) -> str:
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _read(request: str) -> x509.CertificateSigningRequest:
    if len(request) > LARGEST:
        raise Refused(f"The request for a certificate is too large. {AGAIN}")
    try:
        found = x509.load_pem_x509_csr(request.encode("ascii"))
        valid = found.is_signature_valid
    except (ValueError, UnsupportedAlgorithm) as error:  # UnicodeEncodeError is a ValueError
        raise Refused(f"This is no request for a certificate (PEM, PKCS #10). {AGAIN}") from error
    if not valid:
        raise Refused(f"The request for a certificate is not signed by its own key. {AGAIN}")
    return found


def _key(request: x509.CertificateSigningRequest) -> ec.EllipticCurvePublicKey:
    try:
        key = request.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Refused(f"The key in the request is not understood. {AGAIN}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in CURVES:
        raise Refused(f"The key in the request is not of the curve P-256 or P-384. {AGAIN}")
    return key


def _names(request: x509.CertificateSigningRequest) -> tuple[str, ...]:
    """What it asks to be good for. A request without any asks for nothing but its key's signature."""
    try:
        extensions = list(request.extensions)
    except ValueError as error:
        raise Refused(f"What the request asks for is not understood. {AGAIN}") from error
    found: list[str] = []
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.SubjectAlternativeName):
            found += [str(name.value) for name in value]
        elif isinstance(value, x509.BasicConstraints) and value.ca:
            found.append("an authority of its own")
        elif not isinstance(value, x509.BasicConstraints | x509.KeyUsage | x509.SubjectKeyIdentifier):
            found.append(extension.oid.dotted_string)
    return tuple(found)
