"""Looks at what scales by itself, `server.scaling_every` apart, in a thread of its own: no engine may hold up a wake.

Decides nothing. What cannot be looked at now is looked at the next time; what a look remembers is in the book.
"""

import logging
import threading
from collections.abc import Callable

from pipeline.errors import ShipwayError
from pipeline.ports import Ports
from pipeline.scaling.group import Scaled
from pipeline.scaling.machines import scale_pools, scaled_pools
from pipeline.scaling.scale import scale_environments, scaled_environments
from pipeline.settings import Settings

log = logging.getLogger("shipway.scheduler")


class Scaler:
    """`start_due` is called again and again, with a clock that only grows; it returns at once."""

    def __init__(self, ports: Ports, clock: Callable[[], float]) -> None:
        self._ports = ports
        self._clock = clock
        self._next = 0.0
        self._thread: threading.Thread | None = None

    def start_due(self) -> None:
        now = self._clock()
        busy = self._thread is not None and self._thread.is_alive()
        if busy or now < self._next or not _anything(self._ports.settings):
            return
        every = self._ports.settings.server.scaling_every
        self._next = max(self._next + every, now + every / 2)  # whoever calls late now is in time later
        self._thread = threading.Thread(target=self._look, name="scaling", daemon=True)
        self._thread.start()

    def patience(self) -> float:
        """Seconds after which it wants to be called again, at the latest."""
        settings = self._ports.settings
        return settings.server.scaling_every if _anything(settings) else float("inf")

    def wait(self) -> None:
        """Until no look is under way."""
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        for flow in (scale_environments, scale_pools):
            try:
                done = flow(self._ports)
                for number in done.deployments:
                    self._ports.queue.wake_deployment(number)
            except ShipwayError as error:
                log.warning("scaling not looked at, trying again", extra={"error": str(error)})
            else:
                _tell(done)


def _anything(settings: Settings) -> bool:
    return bool(scaled_environments(settings) or scaled_pools(settings))


def _tell(done: Scaled) -> None:
    for one in done.decided:
        words = {
            "group": one.group,
            "verdict": one.verdict.value,
            "before": one.before,
            "after": one.after,
        }
        log.info(
            "scaling decided", extra={**words, "why": one.reason, "deployment": one.deployment or "none"}
        )
    for trouble in done.troubles:
        log.warning("scaling not looked at, trying again", extra={"error": trouble})
