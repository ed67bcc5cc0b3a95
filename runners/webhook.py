"""Reads what every webhook has: a JSON object with fields of the right type, refs, commits, people.

Whatever comes in, only `Refused` kinds go out. Decides nothing about what to build; knows no forge, and proves nothing:
that is `webhook_proof`.
"""

import hashlib
import json
import re
from binascii import a2b_qp
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import orjson

from pipeline.errors import Refused, Unsupported
from pipeline.intake.push import Hook, Push, RefKind

COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
PLAIN = re.compile(r"[A-Za-z0-9._:+/=-]{1,200}")
LONGEST_MESSAGE = 4000
LONGEST_NAME = 200
LARGEST_NUMBER = 1 << 31  # databases keep no larger one in an ordinary column
FORM = "application/x-www-form-urlencoded"
REMEMBERED = 1 << 18  # bytes; larger ones are read anew
MOST_FIELDS = 10  # of a form; forges send one
BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
PEOPLE = ("sender", "pusher", "actor", "user")
NAMES = ("login", "username", "nickname", "name", "display_name")
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
        return shown(value, longest)

    def flag(self, key: str) -> bool:
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            raise Refused(self._wrong(key, "true or false"))
        return bool(value)

    def number(self, key: str) -> int:
        value = self.values.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < LARGEST_NUMBER:
            raise Refused(self._wrong(key, "a number above 0"))
        return value

    def object(self, key: str) -> "Fields":
        value = self.values.get(key)
        if not isinstance(value, dict):
            raise Refused(self._wrong(key, "an object"))
        return Fields(value, f"{self.at}{key}.")

    def objects(self, key: str) -> list["Fields"]:
        return [Fields(item, f"{self.at}{key}[{at}].") for at, item in enumerate(self._list(key))]

    def one_of(self, key: str, name: str, wanted: str) -> "Fields | None":
        """Of a list of objects the last whose field `name` is `wanted`."""
        items = self._list(key)
        for at in range(len(items) - 1, -1, -1):
            if items[at].get(name) == wanted:
                return Fields(items[at], f"{self.at}{key}[{at}].")
        return None

    def has(self, key: str) -> bool:
        return self.values.get(key) is not None

    def commit(self, key: str) -> str:
        """Hexadecimal, SHA-1 or SHA-256; empty when it is all zeros, which is how a deleted ref is told."""
        value = self.values.get(key)
        if not isinstance(value, str) or not COMMIT.fullmatch(value):
            raise Refused(self._wrong(key, "a commit (40 or 64 hexadecimal digits)"))
        return "" if set(value) == {"0"} else value

    def _list(self, key: str) -> list[dict[str, Any]]:
        value = self.values.get(key)
        if not isinstance(value, list) or not set(map(type, value)) <= {dict}:
            raise Refused(self._wrong(key, "a list of objects"))
        return value

    def _wrong(self, key: str, wanted: str) -> str:
        state = "is not" if self.has(key) else "is missing; it must be"
        return f"The body's field '{self.at}{key}' {state} {wanted}."


def header(headers: Mapping[str, str], *names: str) -> str:
    """The first of these headers that says something."""
    return next((headers[name] for name in names if headers.get(name)), "")


def shown(text: str, longest: int = LONGEST_NAME) -> str:
    if text.isascii() and "\0" not in text:
        return text[:longest]  # nearly all there is
    return text[:longest].replace("\0", "").encode("utf-8", "replace").decode()


def fields(headers: Mapping[str, str], body: bytes) -> Fields:
    """The payload as an object, which nobody changes. Raises `Refused` for everything else."""
    found = payload(headers, body)
    return _read_again(found) if len(found) <= REMEMBERED else _read(found)


@lru_cache(maxsize=4)
def _read_again(found: bytes) -> Fields:
    """Each webhook is read for its project, and then once for each service that it may be of."""
    return _read(found)


def _read(found: bytes) -> Fields:
    try:
        value = _parsed(found)
    except UnicodeDecodeError:
        raise Refused("The body is not UTF-8 text; webhooks are JSON in UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise Refused(f"The body is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise Refused("The body is JSON, but not an object with fields.")
    return Fields(value)


def _parsed(found: bytes) -> Any:
    """orjson takes half the time. What it refuses is judged by json, which takes more: half a surrogate pair, deep nests."""
    try:
        return orjson.loads(found)
    except orjson.JSONDecodeError:
        return json.loads(found.decode("utf-8"))


def payload(headers: Mapping[str, str], body: bytes) -> bytes:
    """The JSON: the body itself, or what stands in the field `payload` of a form."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        raise Unsupported(
            "The webhook is sent as multipart/form-data. Set its content type to application/json at the forge."
        )
    return _payload_of(body) if kind == FORM else body


def _payload_of(form: bytes) -> bytes:
    pairs = [pair.partition(b"=") for pair in form.split(b"&", MOST_FIELDS)]
    found = [value for name, _, value in pairs if name == b"payload"]
    if len(found) != 1 or len(pairs) > MOST_FIELDS:
        raise Refused("The form is not a webhook's: it must have one field 'payload', with the JSON in it.")
    if BROKEN_ESCAPE.search(found[0]):
        raise Refused("The form is malformed: a % in it is not followed by two hexadecimal digits.")
    # Quoted-printable with another sign. urllib takes 14 s and 2 GB for 25 MiB of escapes, this 0.3 s and 80 MB.
    quoted = found[0].replace(b"+", b" ").replace(b"=", b"=3D").replace(b"%", b"=")
    return a2b_qp(quoted)


def split_ref(ref: str) -> tuple[RefKind, str] | None:
    """`refs/heads/main` -> branch, main. None: neither a branch nor a tag."""
    for prefix, kind in KINDS.items():
        if ref.startswith(prefix) and ref != prefix:
            return kind, ref.removeprefix(prefix)
    return None


def with_push(hook: Hook, data: Fields) -> Hook:
    """The hook with the push of its one `ref`, in the fields that most forges share; or with why there is none."""
    ref = data.text("ref")
    found = split_ref(ref)
    if found is None:
        return replace(hook, note=not_a_ref(ref))
    commit = head(data)
    push = Push(
        forge=hook.forge,
        project=hook.project,
        kind=found[0],
        ref=found[1],
        commit=commit,
        before=data.commit("before") if data.has("before") else "",
        author=author(data),
        message=message(data, commit),
        forced=data.flag("forced"),
    )
    return replace(hook, pushes=(push,))


def with_note(hook: Hook, notes: Mapping[str, str]) -> Hook:
    """The hook with why its event is nothing to build."""
    return replace(hook, note=notes.get(hook.event, f"event {hook.event!r} is nothing to build"))


def not_a_ref(ref: str) -> str:
    return f"{ref!r} is neither a branch nor a tag"


def head(data: Fields) -> str:
    """The commit to build, empty when the ref was deleted. Of an annotated tag, `after` is the tag object."""
    commit = data.commit("after")
    return data.object("head_commit").commit("id") if commit and data.has("head_commit") else commit


def message(data: Fields, commit: str) -> str:
    """Of the head commit. `commits` is cut at some length, and empty for a branch that brings nothing new."""
    if data.has("head_commit"):
        return data.object("head_commit").words("message", LONGEST_MESSAGE)
    entry = data.one_of("commits", "id", commit) if data.has("commits") else None
    return (entry or data).words("message", LONGEST_MESSAGE)


def author(data: Fields) -> str:
    people = (data.object(key) for key in PEOPLE if data.has(key))
    found = (name for person in people for key in NAMES if (name := person.words(key)))
    return next(found, "") or data.words("user_username") or data.words("user_name")


def key(project: str, delivery: str, body: bytes) -> str:
    """What makes two deliveries one: the forge's id within the project, or the body's hash when there is none."""
    if PLAIN.fullmatch(delivery):
        return delivery
    return "sha256:" + hashlib.sha256(project.encode() + b"\0" + delivery.encode() + b"\0" + body).hexdigest()


def _storable(text: str) -> bool:
    return "\0" not in text and (text.isascii() or text == text.encode("utf-8", "replace").decode())
