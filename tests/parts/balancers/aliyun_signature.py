"""Checks requests of Aliyun's RPC style as its gateway does: everything in query and form is signed (also what is blank),
with the method in front, RFC 3986 encoded; a nonce is good once, a time for 15 minutes."""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from threading import Lock
from urllib.parse import quote

SKEW = 15 * 60
NEEDED = (
    "Action", "Version", "AccessKeyId", "SignatureMethod", "SignatureVersion", "SignatureNonce", "Timestamp", "Signature"
)  # fmt: skip


class ApiError(Exception):
    """What the API answers in place of a result."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def encoded(text: object) -> str:
    """Space is %20, * is %2A, ~ stays."""
    return quote(str(text), safe="~")


def string_to_sign(method: str, parameters: Mapping[str, str]) -> str:
    pairs = sorted((key, value) for key, value in parameters.items() if key != "Signature")
    canonical = "&".join(f"{encoded(key)}={encoded(value)}" for key, value in pairs)
    return f"{method}&%2F&{encoded(canonical)}"


def signature(method: str, parameters: Mapping[str, str], secret: str) -> str:
    text = string_to_sign(method, parameters).encode()
    return base64.b64encode(hmac.new(f"{secret}&".encode(), text, hashlib.sha1).digest()).decode()


class Gate:
    """Lets a request in, or raises. `keys`: access key id -> secret."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self.keys = keys
        self._nonces: dict[str, float] = {}
        self._lock = Lock()

    def check(self, method: str, parameters: Mapping[str, str]) -> None:
        for key in NEEDED:
            if not parameters.get(key):
                raise ApiError(400, f"Missing{key}", f"{key} is mandatory for this action.")
        if (parameters["SignatureMethod"], parameters["SignatureVersion"]) != ("HMAC-SHA1", "1.0"):
            raise ApiError(400, "InvalidSignatureMethod", "The signature method is not supported.")
        secret = self.keys.get(parameters["AccessKeyId"])
        if secret is None:
            raise ApiError(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        if not hmac.compare_digest(signature(method, parameters, secret), parameters["Signature"]):
            said = string_to_sign(method, parameters)
            raise ApiError(
                400, "SignatureDoesNotMatch",
                f"Specified signature is not matched with our calculation. server string to sign is:{said}",
            )  # fmt: skip
        self._check_fresh(parameters["SignatureNonce"], parameters["Timestamp"])

    def _check_fresh(self, nonce: str, stamp: str) -> None:
        try:
            at = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
        except ValueError:
            raise ApiError(
                400, "InvalidTimeStamp.Format", "Specified time stamp is not well formatted."
            ) from None
        now = time.time()
        if abs(now - at) > SKEW:
            raise ApiError(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
        with self._lock:
            self._nonces = {known: until for known, until in self._nonces.items() if until > now}
            if nonce in self._nonces:
                raise ApiError(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
            self._nonces[nonce] = now + 2 * SKEW
