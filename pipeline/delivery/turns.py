"""Whose run a free worker takes up: services take turns, however much one of them pushes. Pure."""

from collections import Counter
from collections.abc import Sequence

from pipeline.delivery.run import Run, RunStatus


def in_turn(due: Sequence[Run], at_work: Sequence[Run]) -> tuple[int, ...]:
    """Ids of the due ones, the one to take first in front: what was begun before and lost its worker; then of the service
    with the fewest at work; there a push before a merge request, which nobody waits for to go live; then the oldest."""
    busy = Counter(run.service for run in at_work)

    def key(run: Run) -> tuple[bool, int, bool, int]:
        return run.status is RunStatus.QUEUED, busy[run.service], bool(run.merge_request), run.id

    return tuple(run.id for run in sorted(due, key=key))
