"""A place where things pile up, in memory: for dry runs and tests. It keeps the contract of `pipeline.ports.Shelf`.

Put an error into `failing` under "things" or the name of a thing to have it raised. `before` runs ahead of each removal:
there tests let the world change.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.errors import ShipwayError
from pipeline.retention.thing import Thing, Verdict


@dataclass
class MemoryShelf:
    """Implements `pipeline.ports.Shelf`."""

    content: list[Thing] = field(default_factory=list)
    disk: str = ""
    failing: dict[str, ShipwayError] = field(default_factory=dict)
    before: Callable[[Verdict], None] = lambda _: None
    removed: list[str] = field(default_factory=list)

    def things(self) -> list[Thing]:
        self._fail_if_asked("things")
        return list(self.content)

    def remove(self, goer: Verdict) -> None:
        self.before(goer)
        self._fail_if_asked(goer.thing.name)
        self.content = [thing for thing in self.content if thing.name != goer.thing.name]
        self.removed.append(goer.thing.name)

    def _fail_if_asked(self, name: str) -> None:
        if name in self.failing:
            raise self.failing[name]
