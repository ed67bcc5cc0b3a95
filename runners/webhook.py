"""Reads what every webhook has: a JSON object with fields of the right type, refs, commits, proofs of origin.

Whatever comes in, only `Refused` kinds go out. Decides nothing about what to build; knows no forge.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.errors import BadSignature, Refused, Unsupported
from pipeline.fleet.service import Repository
from pipeline.intake.push import RefKind

COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
SECONDS = re.compile(r"[0-9]{1,12}")
PLAIN = re.compile(r"[A-Za-z0-9._:+/=-]{1,200}")
REPLAY_WINDOW = 300.0  # seconds, both ways; Standard Webhooks names the same
LONGEST_MESSAGE = 4000
LONGEST_NAME = 200
KINDS = {"refs/heads/": RefKind.BRANCH, "refs/tags/": RefKind.TAG}


@dataclass(frozen=True)
class Fields:
    """A JSON object whose fields are asked for with their type. `at` is where it lies in the body."""

    values: Mapping[str, Any]
    at: str = ""

    def text(self, key: str) -> str:
        value = self.values.get(key)
        if not isinstance(value, str) or not value:
            raise Refused(self._wrong(key, "a text"))
        if not _storable(value):
            raise Refused(self._wrong(key, "a text without NUL or broken characters"))
        return value

    def words(self, key: str, longest: int = LONGEST_NAME) -> str:
        """Text that is only shown to people; absent or null is empty, and nothing in it can hurt a database."""
        value = self.values.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise Refused(self._wrong(key, "a text"))
        return value[:longest].replace("\0", "").encode("utf-8", "replace").decode()

    def flag(self, key: str) -> bool:
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            raise Refused(self._wrong(key, "true or false"))
        return bool(value)

    def object(self, key: str) -> "Fields":
        value = self.values.get(key)
        if not isinstance(value, dict):
            raise Refused(self._wrong(key, "an object"))
        return Fields(value, f"{self.at}{key}.")

    def objects(self, key: str) -> list["Fields"]:
        value = self.values.get(key)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise Refused(self._wrong(key, "a list of objects"))
        return [Fields(item, f"{self.at}{key}[{at}].") for at, item in enumerate(value)]

    def has(self, key: str) -> bool:
        return self.values.get(key) is not None

    def commit(self, key: str) -> str:
        """Hexadecimal, SHA-1 or SHA-256; empty when it is all zeros, which is how a deleted ref is told."""
        value = self.values.get(key)
        if not isinstance(value, str) or not COMMIT.fullmatch(value):
            raise Refused(self._wrong(key, "a commit (40 or 64 hexadecimal digits)"))
        return "" if set(value) == {"0"} else value

    def _wrong(self, key: str, wanted: str) -> str:
        state = "is not" if self.has(key) else "is missing; it must be"
        return f"The body's field '{self.at}{key}' {state} {wanted}."


def fields(headers: Mapping[str, str], body: bytes) -> Fields:
    """The body as an object. Raises `Unsupported` for forms, `Refused` for everything else that is no JSON object."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        raise Unsupported(
            "The webhook is sent as a form. Set its content type to application/json at the forge."
        )
    try:
        value = json.loads(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise Refused("The body is not UTF-8 text; webhooks are JSON in UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise Refused(f"The body is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise Refused("The body is JSON, but not an object with fields.")
    return Fields(value)


def split_ref(ref: str) -> tuple[RefKind, str] | None:
    """`refs/heads/main` -> branch, main. None: neither a branch nor a tag."""
    for prefix, kind in KINDS.items():
        if ref.startswith(prefix) and ref != prefix:
            return kind, ref.removeprefix(prefix)
    return None


def key(project: str, delivery: str, body: bytes) -> str:
    """What makes two deliveries one: the forge's id within the project, or the body's hash when there is none."""
    if PLAIN.fullmatch(delivery):
        return delivery
    return "sha256:" + hashlib.sha256(project.encode() + b"\0" + delivery.encode() + b"\0" + body).hexdigest()


def same(given: str, wanted: str) -> bool:
    """Constant time; an empty expectation never matches."""
    return bool(wanted) and hmac.compare_digest(_bytes(given), _bytes(wanted))


def signature(secret: bytes, message: bytes) -> bytes:
    return hmac.new(secret, message, hashlib.sha256).digest()


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


def _storable(text: str) -> bool:
    return "\0" not in text and text == text.encode("utf-8", "replace").decode()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
