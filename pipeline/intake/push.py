"""What a forge can tell us: somebody moved a branch or a tag. No I/O, no decision."""

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

    @property
    def deleted(self) -> bool:
        return not self.commit


@dataclass(frozen=True)
class Hook:
    """A delivery as read: authentic, identified, with what it says. `pushes` is empty for pings and other events."""

    forge: str
    key: str  # the forge's delivery id, or sha256 of the body: equal keys are one delivery
    event: str
    project: str
    pushes: tuple[Push, ...] = ()
    note: str = ""  # why there is nothing to do, when there is nothing
    masked: bytes = b""  # the body without the secret, from a forge that writes it into the body
