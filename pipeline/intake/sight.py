"""What was last seen of a repository, by webhooks and by looks at it, and how a look differs from that. Nouns only.

Refs have their full names here (`refs/heads/main`): a branch and a tag may share the short one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.intake.push import RefKind

PREFIXES = {RefKind.BRANCH: "refs/heads/", RefKind.TAG: "refs/tags/"}


@dataclass(frozen=True)
class Move:
    """A ref of a service went from `before` to `commit`. Empty: it was not there, or is gone. `twin`: the forge tells of
    it twice, with the same `commit`."""

    service: str
    ref: str
    commit: str
    before: str = ""
    twin: bool = False


@dataclass(frozen=True)
class Sight:
    """What the books know of a service's repository. `version` grows with every look that changed something; 0: there
    was none yet. `bound` are the patterns of refs that its environments took then."""

    service: str
    version: int = 0
    address: str = ""
    bound: tuple[str, ...] = ()
    heads: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""


@dataclass(frozen=True)
class Comparison:
    """`missed` moves nobody told us of; `noted` ones are only written down: first seen, or gone."""

    missed: tuple[Move, ...] = ()
    noted: tuple[Move, ...] = ()


@dataclass(frozen=True)
class Trouble:
    """Why a service's repository cannot be looked at, and since when."""

    reason: str
    since: datetime


def full_name(kind: RefKind, short: str) -> str:
    return PREFIXES[kind] + short


def split_name(ref: str) -> tuple[RefKind, str]:
    kind = RefKind.TAG if ref.startswith(PREFIXES[RefKind.TAG]) else RefKind.BRANCH
    return kind, ref.removeprefix(PREFIXES[kind])
