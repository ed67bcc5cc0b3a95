"""What a forge can tell us: somebody moved a branch or a tag, or wants commits merged. No I/O, no decision."""

from dataclasses import dataclass, field
from enum import StrEnum


class RefKind(StrEnum):
    BRANCH = "branch"
    TAG = "tag"


@dataclass(frozen=True)
class Push:
    """One ref of one delivery. `commit` is empty when the ref was deleted."""

    forge: str
    project: str  # the forge's own name of the repository, e.g. acme/shop
    kind: RefKind
    ref: str  # short name: main, v1.2
    commit: str  # the commit to build (a tag's peeled commit), 40 or 64 hex digits
    before: str = ""
    author: str = ""
    message: str = ""
    forced: bool = False
    options: dict[str, str] = field(default_factory=dict)
    tip: str = ""  # what a new tag itself points at, of a forge that tells of it in two events

    @property
    def deleted(self) -> bool:
        return not self.commit


@dataclass(frozen=True)
class MergeRequest:
    """A merge or pull request that was opened, reopened or got new commits; other events of one are no more than a note."""

    forge: str
    project: str  # that it would go into
    number: int
    ref: str  # in full, of our own clone address: refs/merge-requests/3/head
    commit: str  # the head, as `Push.commit`; of Bitbucket Cloud only its first digits
    target: str  # the branch that it would go into
    fork: bool  # the commits come from another repository, or nobody can say from which
    author: str = ""
    message: str = ""  # of the head commit where the forge tells it; else the request's title


@dataclass(frozen=True)
class EndedRequest:
    """A merge or pull request that nobody waits for any more."""

    number: int
    how: str  # merged, closed, …


@dataclass(frozen=True)
class Hook:
    """A delivery as read: authentic, identified, with what it says. Empty but for a note for pings and other events."""

    forge: str
    key: str  # the forge's delivery id, or sha256 of the body: equal keys are one delivery
    event: str
    project: str
    pushes: tuple[Push, ...] = ()
    note: str = ""  # why there is nothing to do, when there is nothing
    masked: bytes = b""  # the body without the secret, from a forge that writes it into the body
    requests: tuple[MergeRequest, ...] = ()
    ended: tuple[EndedRequest, ...] = ()
