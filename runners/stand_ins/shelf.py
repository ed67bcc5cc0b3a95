"""Places where things pile up, in memory: for dry runs and tests. They keep the contract of `pipeline.ports.Shelf`.

Put an error into `failing` under "things" or the name of a thing to have it raised. `before` runs ahead of each removal:
there tests let the world change.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.errors import ShipwayError
from pipeline.retention.thing import Kind, Thing, Verdict
from pipeline.rollout.observed import ReplicaState
from runners.stand_ins.things import Container, Violation
from runners.stand_ins.world import World


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


@dataclass
class WorldShelf:
    """A host of a `World` as `pipeline.ports.Shelf`. Taking away what is needed or runs is a `Violation`."""

    world: World
    disk: str

    def things(self) -> list[Thing]:
        here = self.world.at(self.disk)
        used = {container.plan.image for container in here}
        images = [self._image(image, image in used) for image in sorted(self.world.images[self.disk])]
        return [*images, *(self._container(container) for container in here)]

    def remove(self, goer: Verdict) -> None:
        name = goer.thing.name
        if goer.thing.kind is Kind.IMAGE:
            if name in self.world.protected():
                raise Violation(f"{name} was taken from {self.disk} while it is needed: {goer.why}")
            self.world.images[self.disk].discard(name)
        elif name in self.world.containers:
            if self.world.containers[name].state is ReplicaState.RUNNING:
                raise Violation(f"{name} was taken from {self.disk} while it runs: {goer.why}")
            del self.world.containers[name]

    def _image(self, image: str, used: bool) -> Thing:
        digests = frozenset({image.partition("@")[2]})
        return Thing(Kind.IMAGE, self.disk, image, image, references=(image,), digests=digests, used=used)

    def _container(self, container: Container) -> Thing:
        plan = container.plan
        running = container.state is ReplicaState.RUNNING
        return Thing(
            Kind.CONTAINER,
            self.disk,
            container.id,
            container.id,
            service=plan.service,
            environment=plan.environment,
            release=plan.release,
            used=running,
        )
