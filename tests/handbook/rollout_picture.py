"""Two rollouts second by second, as the rules decide them in the world of the tests: nothing here is drawn by hand."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pipeline.rollout.deployment import HostPhase, Status
from runners.stand_ins.things import Quality
from tests.handbook.svg import INK, QUIET, box, line, picture, text
from tests.rollout.stage import POLICY, Stage

LEFT, SCALE, LANE = 84.0, 50.0, 34
COLOURS = {
    HostPhase.WAITING: "#f2f4f8",
    HostPhase.PULLING: "#d8d3f0",
    HostPhase.STARTING: "#c9d9fb",
    HostPhase.CHECKING: "#a9c5fb",
    HostPhase.SWITCHING: "#8fd0e8",
    HostPhase.BAKING: "#ffe2a8",
    HostPhase.DONE: "#bfe6c8",
    HostPhase.FAILED: "#f3a6a6",
    HostPhase.RESTORING: "#f9c793",
    HostPhase.RESTORED: "#fbe3c5",
}


@dataclass(frozen=True)
class Span:
    what: str
    begin: float
    end: float


@dataclass(frozen=True)
class Told:
    """How long it took, its end, and what each host did when."""

    status: Status
    seconds: float
    lanes: dict[str, list[Span]]


def well_release() -> str:
    return _drawn("A good release onto three hosts", _told(Quality.GOOD))


def sick_release() -> str:
    return _drawn("A release that breaks while it is watched", _told(Quality.BAD_LATE))


def _told(quality: Quality) -> Told:
    """The states of each host at each commit of the driver."""
    stage = Stage(hosts=3, policy=replace(POLICY, healthy_for=1.0, bake=3.0))
    stage.live()
    number = stage.deploy(stage.release(quality))
    begun = stage.clock.now()
    seen: list[tuple[float, dict[str, str]]] = []

    def look(_: str) -> None:
        deployment = stage.books.deployments.deployment(number)
        now = (stage.clock.now() - begun).total_seconds()
        seen.append((now, {record.host: record.phase for record in deployment.records}))

    stage.hook = look
    deployment = stage.run(number)
    look("")
    return Told(deployment.status, seen[-1][0], {host: list(_spans(host, seen)) for host in stage.names})


def _spans(host: str, seen: list[tuple[float, dict[str, str]]]) -> Iterator[Span]:
    phase, begin = str(HostPhase.WAITING), 0.0
    for now, phases in seen:
        if phases.get(host, phase) != phase:
            if now > begin:
                yield Span(phase, begin, now)
            phase, begin = phases[host], now
    yield Span(phase, begin, seen[-1][0])


def _drawn(title: str, told: Told) -> str:
    lanes = list(told.lanes.items())
    bottom = 50 + LANE * len(lanes)
    shapes = [text(20, 28, f"{title}: {told.status}", 14, INK, bold=True)]
    shapes += [mark for second in range(0, int(told.seconds) + 1, 2) for mark in _second(second, bottom)]
    for number, (host, spans) in enumerate(lanes):
        y = 44 + LANE * number
        shapes.append(text(20, y + 19, host, 13))
        shapes += [shape for span in spans for shape in _bar(span, y)]
    width = max(LEFT + told.seconds * SCALE + 24, 560)
    used = dict.fromkeys(span.what for _, spans in lanes for span in spans)
    shapes += [shape for shape in _key(list(used), bottom + 30, width)]
    return picture(width, bottom + 34 + 22 * _rows(len(used), width), title, shapes)


def _second(second: int, bottom: float) -> Iterator[str]:
    x = LEFT + second * SCALE
    yield line(x, 42, x, bottom)
    yield text(x, bottom + 14, f"{second} s", 11, QUIET, "middle")


def _bar(span: Span, y: float) -> Iterator[str]:
    x, width = LEFT + span.begin * SCALE, max((span.end - span.begin) * SCALE, 2)
    yield box(x, y, width, LANE - 8, COLOURS[HostPhase(span.what)], "#ffffff", 3)
    if width > 6.3 * len(span.what):
        yield text(x + width / 2, y + 17, span.what, 11.5, INK, "middle")


def _key(used: list[str], y: float, width: float) -> Iterator[str]:
    across = _across(width)
    for number, what in enumerate(used):
        x, top = LEFT + (number % across) * 110, y + 22 * (number // across)
        yield box(x, top, 14, 14, COLOURS[HostPhase(what)], "#ffffff", 3)
        yield text(x + 20, top + 12, what, 12, QUIET)


def _across(width: float) -> int:
    return int((width - LEFT) // 110)


def _rows(count: int, width: float) -> int:
    return -(-count // _across(width))
