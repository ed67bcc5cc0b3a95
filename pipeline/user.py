"""People who sign in to the dashboard, and how fast a password may be guessed. Nouns and rules; no hash is made here."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipeline.secret import Secret

ROLES = ("viewer", "deployer", "admin")  # the least first
LOCAL = "local"
SESSION_IDLE = timedelta(hours=12)
SESSION_LONGEST = timedelta(days=7)
FORGOTTEN = timedelta(hours=1)  # failures that are older count no more
LONGEST_WAIT = 900.0  # seconds
SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 200

# Failures that cost no wait. `both` is one name from one address; an address may be a proxy with many people behind it.
FREE = {"both": 5, "user": 50, "address": 100}


@dataclass(frozen=True)
class User:
    """`origin`: local, or who vouches for the person, such as gitlab. Scopes are those of tokens."""

    name: str
    role: str
    scopes: tuple[str, ...] = ()
    origin: str = LOCAL
    disabled: bool = False
    created_at: datetime | None = None
    seen_at: datetime | None = None


@dataclass(frozen=True)
class Session:
    """`form_token` stands in every form of it: another site's page cannot know it."""

    user: User
    form_token: str


@dataclass(frozen=True)
class Person:
    """Somebody as a provider tells of them. `subject` never changes there, a name may."""

    subject: str
    name: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class GitLabSignIn:
    """`allow`: a group's full path -> the role of its members; empty: nobody comes in by it."""

    url: str
    client_id: str
    client_secret: Secret = field(repr=False)
    allow: Mapping[str, str] = field(default_factory=dict)


def role_of(groups: Iterable[str], allow: Mapping[str, str]) -> str:
    """The highest role that any of the groups brings; empty: none does."""
    brought = {allow[group] for group in groups if group in allow}
    return max(brought, key=ROLES.index, default="")


def wait_after(failures: int, free: int) -> float:
    """Seconds from the last failure until the next try is looked at."""
    return 0.0 if failures < free else min(LONGEST_WAIT, 2.0 ** (failures - free + 1))


def form_token(session: str) -> str:
    """Made of the session's own secret, so that it is nowhere kept and dies with it."""
    return hashlib.sha256(f"form:{session}".encode()).hexdigest()


def weakness(name: str, password: Secret) -> str:
    """Why this password is not taken; empty: it is. Length is what counts, so nothing else is asked for."""
    text = password.reveal()
    if len(text) < SHORTEST_PASSWORD:
        return f"The password is shorter than {SHORTEST_PASSWORD} characters. A sentence makes a good one."
    if len(text) > LONGEST_PASSWORD:
        return f"The password is longer than {LONGEST_PASSWORD} characters. Take a shorter one."
    if len(set(text)) < 4 or text.lower() == name.lower():
        return "The password is too easy to guess. Take several words that do not belong together."
    return ""
