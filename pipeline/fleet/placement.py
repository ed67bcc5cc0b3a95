"""Which of its hosts an environment runs on, how many replicas each gets, and why. Pure.

Nothing moves without need: a host that is fit and has replicas keeps its place. What must be chosen is spread over
regions first, then over the hosts with the fewest replicas of others. Asks no host and reads no books: `Candidate` says
what is known.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Candidate:
    """One host as far as one environment is concerned. Bytes; None: not known."""

    host: str
    region: str = ""
    now: int = 0  # replicas of this environment by our books
    load: int = 0  # replicas of other environments
    memory: int | None = None
    reserved: int = 0  # memory promised to other environments
    moved: str = ""  # "in" or "out": a person moved the environment here, or away from here
    unfit: str = ""  # why it may have none


@dataclass(frozen=True)
class Placed:
    """A host and its share; 0 with `before` > 0: it is left."""

    host: str
    replicas: int
    before: int
    why: str


@dataclass(frozen=True)
class Wish:
    """What is to be placed. `hosts` None: on every host that is fit."""

    replicas: int
    memory: int = 0  # of one replica; 0: no limit
    hosts: int | None = None


@dataclass
class _Chosen:
    names: list[str] = field(default_factory=list)
    regions: Counter[str] = field(default_factory=Counter)


def place(candidates: Sequence[Candidate], wish: Wish) -> tuple[Placed, ...]:
    """All candidates in their order, those that are left last."""
    fit = [c for c in candidates if not c.unfit and (wish.hosts is not None or c.moved != "out")]
    chosen = [c.host for c in fit] if wish.hosts is None else _choose(fit, wish, wish.hosts)
    placed = [_placed(c, wish, c.host in chosen) for c in candidates]
    return tuple(sorted(placed, key=lambda p: p.replicas == 0))


def used(placed: Sequence[Placed]) -> int:
    return sum(p.replicas > 0 for p in placed)


def _choose(fit: Sequence[Candidate], wish: Wish, hosts: int) -> list[str]:
    """One after the other, each time the best that is left."""
    left = [c for c in fit if c.now or _fits(c, wish)]
    chosen = _Chosen()
    while left and len(chosen.names) < hosts:
        best = min(left, key=lambda c: _rank(c, wish, chosen.regions))
        left.remove(best)
        chosen.names.append(best.host)
        chosen.regions[best.region] += 1
    return chosen.names


def _rank(c: Candidate, wish: Wish, regions: Counter[str]) -> tuple[bool, bool, bool, bool, int, int]:
    """The smallest goes first; among equals the file's order decides."""
    return (c.moved == "out", not _fits(c, wish), c.moved != "in", not c.now, regions[c.region], c.load)


def _fits(c: Candidate, wish: Wish) -> bool:
    return c.memory is None or not wish.memory or c.reserved + wish.memory * wish.replicas <= c.memory


def _placed(c: Candidate, wish: Wish, chosen: bool) -> Placed:
    if chosen:
        return Placed(c.host, wish.replicas, c.now, _why(c, wish))
    return Placed(c.host, 0, c.now, _why_not(c, wish))


def _why(c: Candidate, wish: Wish) -> str:
    if not _fits(c, wish):
        return f"it stays, though {_need(c, wish)}"
    if c.moved == "in":
        return "it was moved here"
    if wish.hosts is None:
        return "every host of the environment runs it"
    if c.now:
        return "it runs here already"
    where = f"region {c.region} has the fewest of it, and " if c.region else ""
    return f"{where}the host runs {c.load} replicas of others"


def _why_not(c: Candidate, wish: Wish) -> str:
    if c.unfit:
        return c.unfit
    if c.moved == "out":
        return "it was moved away from here"
    if not _fits(c, wish):
        return _need(c, wish)
    return f"{wish.hosts} hosts are enough"


def _need(c: Candidate, wish: Wish) -> str:
    needs, free = wish.memory * wish.replicas, max(0, (c.memory or 0) - c.reserved)
    return f"its replicas need {needs >> 20} MiB of memory and {free >> 20} MiB are not promised to others"
