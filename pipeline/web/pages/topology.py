"""Where requests go: load balancer, proxies, replicas, as boxes and lines with their places. Pure; drawn by a template.

One unit is a pixel on the narrowest phone, where the picture is as wide as the page.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.fleet.balancer import MemberState
from pipeline.rollout.observed import ReplicaState
from pipeline.web.fleet_answers import BackendAnswer, EnvironmentAnswer, ProxyAnswer, ReplicaAnswer

WIDTH, BOX, HEIGHT, GAP = 356, 104, 34, 8
RIGHT = WIDTH - BOX
SHOWN = 40  # rows; of a fleet that is larger a picture says nothing
LETTERS = 14  # that fit in a box …
SMALL = 16  # … and of a note, which is smaller


@dataclass(frozen=True)
class Box:
    x: int
    y: float
    name: str  # whole
    note: str
    tone: str

    @property
    def short(self) -> str:
        return _cut(self.name, LETTERS)

    @property
    def short_note(self) -> str:
        """Its number stays whole."""
        words, dot, number = self.note.rpartition(" · ")
        return f"{_cut(words, SMALL - len(dot + number))}{dot}{number}"


@dataclass(frozen=True)
class Line:
    x: int
    y: float
    to_x: int
    to_y: float
    tone: str

    @property
    def path(self) -> str:
        middle = (self.x + self.to_x) / 2
        return (
            f"M{self.x} {self.y:g}C{middle:g} {self.y:g} {middle:g} {self.to_y:g} {self.to_x} {self.to_y:g}"
        )


@dataclass(frozen=True)
class Picture:
    """`entrance`: a load balancer is in it. `left_out`: replicas that are not drawn."""

    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    entrance: bool = False
    left_out: int = 0


@dataclass(frozen=True)
class Rows:
    """What is drawn, and how high; proxies stand in the middle, or left when nothing is before them."""

    seen: EnvironmentAnswer
    fronts: list[tuple[ProxyAnswer, float]]
    replicas: list[tuple[str, ReplicaAnswer, float]]
    tall: float

    @property
    def middle(self) -> int:
        return RIGHT // 2 if self.seen.load_balancer else 0


def picture_of(seen: EnvironmentAnswer) -> Picture | None:
    """None where nothing stands between users and replicas, or nothing runs."""
    replicas = [(host.host, replica) for host in seen.hosts for replica in host.replicas]
    if not seen.proxies or not replicas:
        return None
    fronts = seen.proxies[:SHOWN]
    tall = max(len(replicas[:SHOWN]), len(fronts)) * (HEIGHT + GAP) - GAP
    rows = Rows(
        seen,
        list(zip(fronts, _spread(len(fronts), tall), strict=True)),
        [(host, one, row * (HEIGHT + GAP)) for row, (host, one) in enumerate(replicas[:SHOWN])],
        tall,
    )
    boxes = tuple([*_entrance(rows), *_proxies(rows), *_replicas(rows)])
    lines = tuple([*_in(rows), *_out(rows)])
    return Picture(tall, boxes, lines, bool(seen.load_balancer), max(0, len(replicas) - SHOWN))


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def _spread(number: int, tall: float) -> list[float]:
    step = tall / number
    return [step * n + (step - HEIGHT) / 2 for n in range(number)]


def _entrance(rows: Rows) -> Iterator[Box]:
    if rows.seen.load_balancer:
        members = rows.seen.members
        serving = sum(member.state is MemberState.SERVING for member in members)
        tone = "bad" if rows.seen.load_balancer_error or not serving else "good"
        yield Box(0, (rows.tall - HEIGHT) / 2, rows.seen.load_balancer, f"{serving}/{len(members)}", tone)


def _proxies(rows: Rows) -> Iterator[Box]:
    for front, y in rows.fronts:
        ready = sum(backend.state == "ready" for backend in front.backends)
        tone = "bad" if front.error or not front.running else "good" if ready else "warn"
        yield Box(rows.middle, y, front.host, f"{front.proxy} · {ready}", tone)


def _replicas(rows: Rows) -> Iterator[Box]:
    for host, replica, y in rows.replicas:
        yield Box(RIGHT, y, host, f"{replica.release} · {replica.index + 1}", tone_of(replica))


def _in(rows: Rows) -> Iterator[Line]:
    tones = {MemberState.SERVING: "good", MemberState.FAILING: "bad"}
    states = {member.host: tones.get(member.state, "idle") for member in rows.seen.members}
    for front, y in rows.fronts:
        if rows.seen.load_balancer:
            tone = states.get(front.host, "idle")
            yield Line(BOX, rows.tall / 2, rows.middle, y + HEIGHT / 2, tone)


def _out(rows: Rows) -> Iterator[Line]:
    at = {replica.address: (replica, y) for _, replica, y in rows.replicas if replica.address}
    for front, y in rows.fronts:
        for backend in front.backends:
            if backend.address in at:
                replica, to = at[backend.address]
                tone = _routed(backend, replica)
                yield Line(rows.middle + BOX, y + HEIGHT / 2, RIGHT, to + HEIGHT / 2, tone)


def _routed(backend: BackendAnswer, replica: ReplicaAnswer) -> str:
    if backend.state != "ready":
        return "idle"
    return "good" if tone_of(replica) == "good" else "bad"


def tone_of(replica: ReplicaAnswer) -> str:
    if replica.state is ReplicaState.EXITED or replica.health == "unhealthy":
        return "bad"
    return "good" if replica.state is ReplicaState.RUNNING and replica.health != "starting" else "busy"
