"""Random stories in which hosts are drained and resumed, services move and scale, and a scheduler looks after it all, beside
everything that befalls the others. When all trouble has ended, exactly what the books plan runs on every host.
"""

from contextlib import suppress

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from pipeline.errors import Conflict
from pipeline.rollout.deployment import Reason
from pipeline.rollout.moving import drain, move, resume
from pipeline.rollout.rollback import scale
from pipeline.rollout.tend import tend
from runners.stand_ins.things import Violation
from tests.rollout.shapes import STOP_FIRST
from tests.rollout.stage import PRODUCTION, SHOP, Stage
from tests.rollout.tales import Tales, which

KINDS = {
    "spare, a proxy each": {"hosts": 3, "spare": 1, "place": True},
    "spare, edge": {"hosts": 4, "spare": 2, "place": True, "edge": True, "replicas": 2},
    "spare, stop-first": {"hosts": 3, "spare": 1, "place": True, "policy": STOP_FIRST},
    "all, edge": {"hosts": 3, "edge": True},
    "elsewhere": {"hosts": 3, "spare": 1},
}


class MovingTales(Tales):
    @initialize(kind=st.sampled_from(sorted(KINDS)))
    def begin(self, kind):
        self._begin(kind, Stage(**KINDS[kind]))

    def _fewer(self) -> None:
        """What was asked for may leave fewer hosts than there were; the floor of the world follows."""
        newest = self.stage.books.deployments.deployments(SHOP, PRODUCTION, 1)[0]
        needed = newest.policy.needed_of(len(newest.staying))
        self.stage.world.min_healthy = min(self.stage.world.min_healthy, needed)

    def _asked(self, what, wish, seconds: float) -> None:
        self._say(f"a person asks to {what}")
        with suppress(Conflict):  # refused, with a reason
            wish()
        self._fewer()
        self._drive(seconds)

    def _name(self, at: int) -> str:
        return self.stage.names[at % len(self.stage.names)]

    @rule(at=which, force=st.booleans(), seconds=st.integers(0, 40))
    def person_drains(self, at, force, seconds):
        host = self._name(at)
        self._asked(f"drain {host}", lambda: drain(host, "a person", "", force, self.stage.ports), seconds)

    @rule(at=which, seconds=st.integers(0, 40))
    def person_resumes(self, at, seconds):
        host = self._name(at)
        self._asked(f"resume {host}", lambda: resume(host, "a person", self.stage.ports), seconds)

    @rule(at=which, to=which, seconds=st.integers(0, 40))
    def person_moves(self, at, to, seconds):
        origin, target = self._name(at), self._name(to)
        wish = lambda: move(SHOP, origin, target, "", "a person", self.stage.ports)  # noqa: E731
        self._asked(f"move from {origin} to {target}", wish, seconds)

    @rule(replicas=st.integers(1, 3), seconds=st.integers(0, 40))
    def person_scales(self, replicas, seconds):
        wish = lambda: scale(SHOP, PRODUCTION, replicas, "a person", self.stage.ports)  # noqa: E731
        self._asked(f"run {replicas} replicas", wish, seconds)

    @rule(away=st.sampled_from([0, 0, 100, 400]), seconds=st.integers(0, 40))
    def scheduler_looks(self, away, seconds):
        """At once, or after a time in which no process of ours ran."""
        self._say(f"the scheduler looks after {away} s in which nobody worked")
        self.stage.clock.sleep(away)
        tend(self.stage.ports)
        self._fewer()
        self._drive(seconds)

    def teardown(self):
        if not hasattr(self, "stage"):
            return
        self._heal()
        self._end_all()
        self._look_until_calm()
        books = self.stage.books.deployments
        state = books.environment(SHOP, PRODUCTION)
        live = self.stage.books.releases.release(SHOP, state.last_good)
        self._say(f"release {live.number} is deployed once more")
        number = self._end(self.stage.deploy(live, Reason.MANUAL)).id
        self.stage.check(number, live)
        planned = books.environment(SHOP, PRODUCTION).placed
        found = {host: len(self.stage.running(host)) for host in self.stage.names}
        if {host: count for host, count in found.items() if count} != planned:
            raise Violation(f"the books plan {planned}, and it runs on {found}")
        self._check_places(set(planned))

    def _check_places(self, planned: set[str]) -> None:
        """Not where people do not want it, and not on more hosts than they want."""
        place = self.stage.environment.place
        drained = {host for host, state in self.stage.books.fleet.hosts().items() if state.drained_at}
        moved = self.stage.books.deployments.environment(SHOP, PRODUCTION).moved
        left = {host for host, way in moved.items() if way == "out" and place is None}
        if planned & (drained | left) or len(planned) > (place or len(planned)):
            raise Violation(f"it runs on {planned}; drained: {drained}, left: {left}, wished: {place} hosts")

    def _look_until_calm(self) -> None:
        """The scheduler comes back after its pauses, and finds nothing more to do in the end."""
        for _ in range(10):
            self.stage.clock.sleep(601.0)
            self._say("the scheduler looks")
            numbers = tend(self.stage.ports)
            self._fewer()
            if not numbers:
                return
            for number in numbers:
                self._end(number)
        raise Violation("the scheduler never finds everything in order")
