"""Proofs that a webhook comes from the forge: signatures, tokens, timestamps. Constant time; knows no forge.

Raises `BadSignature` with what to set where. Never shows what a proof should have been.
"""

import hashlib
import hmac
import re
from datetime import datetime

from pipeline.errors import BadSignature
from pipeline.fleet.service import Repository

SECONDS = re.compile(r"[0-9]{1,12}")
REPLAY_WINDOW = 300.0  # seconds, both ways; Standard Webhooks names the same


def same(given: str, wanted: str) -> bool:
    """Constant time; an empty expectation never matches."""
    return bool(wanted) and hmac.compare_digest(_bytes(given), _bytes(wanted))


def signature(secret: bytes, message: bytes) -> bytes:
    return hmac.new(secret, message, hashlib.sha256).digest()


def check_signature(repository: Repository, given: str, header: str, sender: str, *messages: bytes) -> None:
    """Raises `BadSignature` unless `given` is the HMAC-SHA256 of one of the messages, in hexadecimal."""
    secret = secret_of(repository).encode()
    if not given:
        raise BadSignature(f"The header {header} is missing. Set the webhook's secret at {sender}.")
    wanted = [signature(secret, message).hex() for message in messages]
    if not any([same(given.removeprefix("sha256="), one) for one in wanted]):
        raise BadSignature(f"{header} does not fit: the secret at {sender} is not the one in shipway.yml.")


def check_token(repository: Repository, given: str, header: str, sender: str) -> None:
    """Raises `BadSignature` unless `given` is the secret itself. The body stays unproved: https is a must."""
    wanted = secret_of(repository)
    if not given:
        raise BadSignature(f"The header {header} is missing. Set the webhook's secret token at {sender}.")
    if not same(given, wanted):
        raise BadSignature(
            f"{header} does not fit: the token at {sender} is not the `secret` in shipway.yml."
        )


def secret_of(repository: Repository) -> str:
    """The configured secret. Raises `BadSignature` when there is none: nothing could be proved then."""
    if not repository.secret:
        raise BadSignature(
            f"Project {repository.project!r} has no webhook secret, so nothing it sends can be trusted. "
            "Set `secret` under its `repository` in shipway.yml and the same one at the forge."
        )
    return repository.secret.reveal()


def check_time(given: str, now: datetime) -> None:
    """Raises `BadSignature` unless it is a time near now: what was recorded cannot be played again later."""
    if not SECONDS.fullmatch(given):
        raise BadSignature("The webhook's timestamp is missing or not a number of seconds.")
    if not abs(now.timestamp() - int(given)) <= REPLAY_WINDOW:
        raise BadSignature(
            "The webhook's timestamp is more than 5 minutes off. If it is new, set the clocks of both machines right."
        )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
