"""What Shipway writes down of people who sign in, and whom it asks about them: ports, by the contract of `books.py`."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from pipeline.errors import BadSignature, Conflict, NotFound
from pipeline.secret import Secret
from pipeline.user import Person, Session, User


class Users(Protocol):
    """Passwords are kept as slow hashes and never answered."""

    def create(self, name: str, role: str, scopes: Sequence[str], password: Secret) -> None:
        """Raises `Conflict` when there is one of that name, `Refused` for a weak password."""

    def users(self) -> list[User]:
        """By name."""

    def prove(self, name: str, password: Secret, address: str) -> User:
        """Raises `BadSignature`, the same for an unknown name and a wrong password, or `TooMany`: not before it says.
        Every try is counted before it is looked at."""

    def welcome(self, person: Person, origin: str, role: str) -> User:
        """A provider's person as the user they are here, with today's name and role. Raises `Conflict` when somebody
        else has that name, `Forbidden` when they were disabled."""

    def set_password(self, name: str, password: Secret) -> None:
        """Also ends all of the user's sessions, as does `disable`."""

    def disable(self, name: str, disabled: bool = True) -> None: ...


class Sessions(Protocol):
    """Sessions and one-time tickets. Only hashes of their texts are kept."""

    def open(self, name: str) -> str:
        """The text of a new session of a user who was proved."""

    def session(self, text: str) -> Session | None:
        """None: unknown, over, or its user is disabled."""

    def close(self, text: str) -> None: ...

    def issue(self, kind: str, note: Mapping[str, str], seconds: float) -> str:
        """The text of a ticket that is good once and so long."""

    def note(self, kind: str, text: str) -> dict[str, str] | None:
        """What a ticket says, while it is good; it stays good."""

    def redeem(self, kind: str, text: str) -> dict[str, str] | None:
        """What was noted; None: unknown, expired, or redeemed before. Of two at once one gets it."""


class Provider(Protocol):
    """Knows people elsewhere (OpenID Connect)."""

    def address(self, back: str, state: str, nonce: str, verifier: str) -> str:
        """Where to send the browser. `verifier` itself stays here (PKCE)."""

    def person(self, code: str, back: str, nonce: str, verifier: str) -> Person:
        """Who came back with `code`. Raises `BadSignature` when anything does not hold, `Unreachable`."""


class NoUsers:
    """The books of a Shipway that nobody signs in to."""

    def create(self, name: str, role: str, scopes: Sequence[str], password: Secret) -> None:
        raise Conflict("This Shipway keeps no users.")

    def users(self) -> list[User]:
        return []

    def prove(self, name: str, password: Secret, address: str) -> User:
        raise BadSignature("This Shipway keeps no users.")

    def welcome(self, person: Person, origin: str, role: str) -> User:
        raise Conflict("This Shipway keeps no users.")

    def set_password(self, name: str, password: Secret) -> None:
        raise NotFound("This Shipway keeps no users.")

    def disable(self, name: str, disabled: bool = True) -> None:
        raise NotFound("This Shipway keeps no users.")


class NoSessions:
    """Likewise."""

    def open(self, name: str) -> str:
        raise Conflict("This Shipway keeps no sessions.")

    def session(self, text: str) -> Session | None:
        return None

    def close(self, text: str) -> None:
        """There is none."""

    def issue(self, kind: str, note: Mapping[str, str], seconds: float) -> str:
        raise Conflict("This Shipway keeps no sessions.")

    def note(self, kind: str, text: str) -> dict[str, str] | None:
        return None

    def redeem(self, kind: str, text: str) -> dict[str, str] | None:
        return None
