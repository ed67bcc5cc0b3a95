"""Ports of the notices: the book in which they wait, and whoever carries them. The contract of `pipeline.ports` holds too."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from pipeline.lease import Lease
from pipeline.notices.notice import Draft, Message, Moment, Notice, Target


class NoticeBook(Protocol):
    """Moments come by the database itself, in the transaction of the change. Writes raise `Stopped` under an old fence."""

    def moments(self, limit: int = 200) -> list[Moment]:
        """The oldest that nobody has judged."""

    def note(self, kind: str, service: str, why: str, name: str = "") -> None:
        """A moment that the database cannot see."""

    def accept(self, moment: Moment, drafts: Sequence[Draft], lease: Lease) -> None:
        """One transaction: the moment is judged. A draft joins the notice of its target and fold that still waits, with
        its own words; else it is due at once or, when the last was sent within the draft's window, at its end."""

    def due(self, now: datetime, limit: int = 500) -> list[Notice]:
        """Waiting and due; the oldest first."""

    def next_due(self) -> datetime | None: ...

    def sent_since(self, target: str, since: datetime) -> int:
        """How many messages; what went out together is one."""

    def sent(self, notices: Sequence[Notice], at: datetime, lease: Lease) -> None:
        """As one message. Traces are let go of: whoever took them keeps them."""

    def put_off(self, notices: Sequence[Notice], until: datetime, error: str, lease: Lease) -> None:
        """One more try; nothing else goes to their target before either."""

    def bury(self, notices: Sequence[Notice], error: str, lease: Lease) -> None:
        """Given up, kept to be shown."""

    def notices(self, limit: int = 50, before: int = 0, fate: str = "") -> list[Notice]:
        """Newest first."""

    def depth(self) -> dict[str, int]:
        """How many wait and how many are dead."""

    def busy(self) -> bool:
        """Is any run or deployment not over? Then moments are on their way."""


class NoNotices:
    """The book of a Shipway that tells nobody."""

    def note(self, kind: str, service: str, why: str, name: str = "") -> None:
        """Nobody is told."""

    def notices(self, limit: int = 50, before: int = 0, fate: str = "") -> list[Notice]:
        return []

    def depth(self) -> dict[str, int]:
        return {}


class Told(Protocol):
    """What the web shows of the book, and what others write into it."""

    def note(self, kind: str, service: str, why: str, name: str = "") -> None: ...
    def notices(self, limit: int = 50, before: int = 0, fate: str = "") -> list[Notice]: ...
    def depth(self) -> dict[str, int]: ...


class Messenger(Protocol):
    """Carries one message to one target. TLS is verified. Raises `Unreachable` when trying again may help, `Rejected` when
    it will not. No error has an address or a secret in it."""

    def send(self, target: Target, message: Message) -> None: ...


class HookWatch(Protocol):
    """Looks now and then at the webhooks of forges that turn them off."""

    def turned_off(self) -> Sequence[tuple[str, str]]:
        """(service, why). Nothing most of the time: it looks rarely. Never raises."""


class TraceSink(Protocol):
    """Takes a trace in OTLP's JSON. Raises like `Messenger`."""

    def send(self, body: str) -> None: ...
