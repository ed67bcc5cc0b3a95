"""FLOW: looks at the runners again and again; says what changed, and does what follows from hosts alone.

An edit of shipway.yml waits for somebody's `apply`; that a host was drained, came back or lost a container does not.
"""

import logging

from pipeline.errors import Conflict
from pipeline.gitlab_runner.apply import ABSENT, apply
from pipeline.gitlab_runner.decide import decide
from pipeline.gitlab_runner.desk import RunnerDesk
from pipeline.gitlab_runner.health import health
from pipeline.gitlab_runner.look import look

log = logging.getLogger("shipway.gitlab_runners")


def watch(desk: RunnerDesk) -> None:
    """One look."""
    sight = look(desk)
    for slot, text in health(sight, desk.now()).items():
        if desk.books.trouble(slot, text):
            _tell(str(slot), text)
    if any(change.follows for change in decide(desk.fleets, sight).changes):
        _follow(desk)


def _tell(slot: str, text: str) -> None:
    if text:
        log.warning("gitlab runner is not well", extra={"runner": slot, "error": text})
    else:
        log.info("gitlab runner is well again", extra={"runner": slot})


def _follow(desk: RunnerDesk) -> None:
    """While somebody's apply is at it, that one does it."""
    try:
        applied = apply(
            desk,
            lambda text: log.info("gitlab runner", extra={"does": text}),
            lambda c: c.follows,
            patience=ABSENT,
        )
    except Conflict:
        return
    for error in applied.errors:
        log.warning("gitlab runner is not as it should be, trying again", extra={"error": error})
