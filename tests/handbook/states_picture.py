"""Pictures of the tables: the states of a deployment with every way out of each, and the stages of a run."""

from collections.abc import Iterator

from pipeline.delivery.run import StageName
from pipeline.rollout.deployment import FINAL, Status
from pipeline.rollout.states import TRANSITIONS
from tests.handbook.svg import INK, QUIET, arrow, box, picture, text

WIDTH, ROW = 246, 17
# state -> column, top; a state without a place fails the test
PLACES = {
    Status.PENDING: (0, 24),
    Status.PREPARING: (1, 24),
    Status.ROLLING: (2, 24),
    Status.SUCCEEDED: (3, 24),
    Status.PAUSED: (1, 216),
    Status.AWAITING_PROMOTION: (2, 216),
    Status.ROLLING_BACK: (2, 404),
    Status.ROLLED_BACK: (3, 404),
    Status.FAILED: (3, 120),
    Status.CANCELLED: (3, 168),
    Status.SUPERSEDED: (3, 216),
}
FILLS = {Status.SUCCEEDED: "#dff3e4", Status.ROLLED_BACK: "#fdeecf", Status.FAILED: "#fbdcdc"}
ABOUT = {
    StageName.CHECKOUT: "exactly that commit",
    StageName.BUILD: "Dockerfile to image",
    StageName.TEST: "in containers of its own",
    StageName.PUBLISH: "to the registry: a digest",
    StageName.DEPLOY: "a release, rolled out",
}


def deployment_states() -> str:
    """A card a state; what may happen there, and where it leads. Arrows for the main road only."""
    title = "States of a deployment and what leads from each to the next"
    return picture(
        4 * (WIDTH + 44) - 4, 520, title, [*_arrows(), *(card for s in Status for card in _card(s))]
    )


def _x(column: int) -> float:
    return 20 + column * (WIDTH + 44)


def _ways(state: Status) -> list[str]:
    return [f"{event} → {after}" for (before, event), after in TRANSITIONS.items() if before is state]


def _card(state: Status) -> Iterator[str]:
    (column, y), ways = PLACES[state], _ways(state)
    fill = FILLS.get(state, "#eceff4" if state in FINAL else "#e6eeff")
    yield box(_x(column), y, WIDTH, 30 + ROW * len(ways), fill)
    yield text(_x(column) + 12, y + 20, state, bold=True)
    for number, words in enumerate(ways, 1):
        yield text(_x(column) + 12, y + 19 + ROW * number, words, 11.5, QUIET)


def _arrows() -> Iterator[str]:
    for number in range(3):
        yield arrow(f"M{_x(number) + WIDTH} 39 {_x(number + 1) - 3:g} 39")
    rolling = 24 + 30 + ROW * len(_ways(Status.ROLLING))
    middle = _x(2) + WIDTH / 2
    yield arrow(f"M{middle - 20:g} {rolling} {middle - 20:g} 213")
    yield arrow(f"M{middle + 20:g} 216 {middle + 20:g} {rolling + 3}")
    yield arrow(f"M{_x(2) + 6:g} {rolling - 8:g} {_x(1) + WIDTH - 30:g} 213")
    yield arrow(f"M{_x(1) + WIDTH - 8:g} 216 {_x(2) + 2:g} {rolling - 34:g}")
    waiting = 216 + 30 + ROW * len(_ways(Status.AWAITING_PROMOTION))
    yield arrow(f"M{middle:g} {waiting} {middle:g} 401")
    paused = 216 + 30 + ROW * len(_ways(Status.PAUSED))
    yield arrow(
        f"M{_x(1) + WIDTH / 2:g} {paused} C{_x(1) + WIDTH / 2:g} 425 {_x(1) + WIDTH:g} 419 {_x(2) - 3:g} 419"
    )
    yield arrow(f"M{_x(2) + WIDTH:g} 419 {_x(3) - 3:g} 419")


def run_stages() -> str:
    """The stages in the order in which a run goes through them."""
    shapes = []
    for number, stage in enumerate(StageName):
        x = 20 + number * 184
        shapes += [
            box(x, 20, 156, 58, "#e6eeff"),
            text(x + 78, 44, stage, 14, INK, "middle", bold=True),
            text(x + 78, 64, ABOUT[stage], 11.5, QUIET, "middle"),
        ]
        if number:
            shapes.append(arrow(f"M{x - 28} 49 {x - 3} 49"))
    return picture(20 + len(StageName) * 184 - 8, 98, "Stages of a run", shapes)
