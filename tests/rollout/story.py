"""One rollout with one kind of fault, told to its end, with everything checked that must hold afterwards."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from pipeline.rollout.deployment import Deployment, HostPhase, HostPlan, Reason, Request, Status
from pipeline.rollout.release import Release
from runners.stand_ins.things import HARMLESS, HELD_AT_THE_GATE, Quality, Violation
from runners.stand_ins.time import VirtualClock
from tests.rollout.mortal import Books, memory_books
from tests.rollout.shapes import PLAIN, Shape
from tests.rollout.stage import Stage


class Story:
    def __init__(
        self,
        quality: Quality,
        shape: Shape = PLAIN,
        books: Callable[[VirtualClock], Books] = memory_books,
        hooks: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    ) -> None:
        self.stage = shape.stage(books)
        self.old = self.stage.live(**hooks)
        self.new = self.stage.release(quality, **hooks)
        self.quality = quality
        self.counts = dict(zip(self.stage.names, shape.counts, strict=False))
        self.number = self.stage.deploy(self.new, **self._hosts(self.counts))
        staying = sum(count > 0 for count in self.counts.values())
        if staying:
            world = self.stage.world
            world.min_healthy = min(world.min_healthy, shape.policy.needed_of(staying))
        self.batch = shape.policy.batch_of(shape.hosts)
        self.warm = set(self.stage.world.containers) if not shape.policy.stops_first else set()
        self.troubled = True  # an outage may be under way
        self.undo: list[Callable[[], None]] = []  # what those do who changed something beside us, in the end
        self.asked, self.asks = 0, shape.asks
        each_moment(self, self._answer)

    def _answer(self) -> None:
        """A person who lets it go on whenever it waits for one; not while Prometheus is silent."""
        books = self.stage.books.deployments
        deployment = books.deployment(self.number)
        if deployment.request is not Request.NONE:
            return
        if deployment.status is Status.AWAITING_PROMOTION:
            self.asked += 1
            books.ask(self.number, Request.APPROVE)
        elif deployment.status is Status.PAUSED and not self.stage.world.metric_error:
            books.ask(self.number, Request.RESUME)

    def _hosts(self, counts: dict[str, int]) -> dict[str, tuple[HostPlan, ...]]:
        return {"hosts": self.stage.plans(counts)} if counts else {}

    def hooked(self, hook: Callable[[str], None]) -> None:
        self.stage.hook = hook

    def tell(self, expected: Release | None = None) -> Deployment:
        deployment = self.stage.run(self.number)
        self.hooked(lambda _: None)
        self.check(deployment, expected or (self.new if self.quality in HARMLESS else self.old))
        return deployment

    def check(self, deployment: Deployment, expected: Release) -> None:
        self.stage.check(self.number, expected)
        limit = 0 if self.quality in HELD_AT_THE_GATE else self.batch
        if len(self.stage.world.hurt) > limit:
            raise Violation(
                f"users reached the bad release on {self.stage.world.hurt}, at most {limit} may be hurt"
            )
        if expected == self.old and self.warm - set(self.stage.world.containers):
            raise Violation("replicas of the old release were stopped before the verdict")
        wanted = Status.SUCCEEDED if expected == self.new else Status.ROLLED_BACK
        if deployment.status is not wanted:
            raise Violation(f"it ended {deployment.status}: {deployment.error}")
        if expected == self.new and self.asked != self.asks:
            raise Violation(f"a person was asked {self.asked} times, not {self.asks}")

    def heal_after(self) -> Deployment:
        """Through the outage to the end, then everything works again."""
        self.stage.run(self.number)
        return self.heal()

    def heal(self) -> Deployment:
        """Faults are over: drive it to its end, then bring back the hosts that were left out on the way."""
        world = self.stage.world
        self.hooked(lambda _: None)
        self.troubled = False
        world.up = dict.fromkeys(world.up, True)
        world.registry_up, world.lose_answers = True, 0
        world.metric, world.metric_error = 0.0, ""
        for undo in self.undo:
            undo()
        if world.entrance is not None:
            world.entrance.down = False
        for front in world.fronts.values():
            front.stuck = front.refuses = False
        deployment = self.stage.run(self.number)
        state = self.stage.books.deployments.environment(deployment.service, deployment.environment)
        live = self.stage.books.releases.release(deployment.service, state.last_good)
        if not converged(self.stage, self.number, live):
            _excused(deployment)
            counts = self.counts
            if counts and deployment.status is not Status.SUCCEEDED:
                used, replicas = self.stage.used, self.stage.environment.replicas
                counts = {host: replicas if host in used else 0 for host in counts}
            again = self.stage.run(self.stage.deploy(live, Reason.MANUAL, **self._hosts(counts)))
            self.stage.check(again.id, live)
        if self.quality not in HARMLESS and live == self.new:
            raise Violation("a bad release became the last good one")
        if (self.quality in HELD_AT_THE_GATE and world.hurt) or len(world.hurt) > self.batch:
            raise Violation(f"users reached the bad release on {world.hurt}")
        return deployment


def converged(stage: Stage, number: int, release: Release) -> bool:
    try:
        stage.check(number, release)
    except Violation:
        return False
    return True


def _excused(deployment: Deployment) -> None:
    """Only a host that did not answer may be left behind, and the record must say so."""
    silent = [r for r in deployment.records if r.lost_at or r.phase is HostPhase.SKIPPED]
    if not silent:
        raise Violation(f"left behind without a word: {deployment.status} {deployment.error}")


def each_moment(story: Story, work: Callable[[], None]) -> None:
    """Time passes with every look, so the hook of the clock is enough."""
    stage, sleep = story.stage, story.stage.clock.sleep

    def slept(seconds: float) -> None:
        sleep(seconds)
        work()

    stage.clock.sleep = slept  # type: ignore[method-assign]
