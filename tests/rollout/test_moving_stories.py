"""Random stories in which hosts are drained and resumed, services move and scale, and a scheduler looks after it all, beside
everything that befalls the others. When all trouble has ended, exactly what the books plan runs on every host.
"""

from contextlib import suppress

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from pipeline.errors import Conflict
from pipeline.rollout.deployment import Reason
from pipeline.rollout.moving import drain, move, resume
from pipeline.rollout.rollback import scale
from pipeline.rollout.tend import tend
from runners.stand_ins.things import Violation
from tests.rollout.stage import PRODUCTION, SHOP, Stage
from tests.rollout.test_stories import STORIES, Stories

KINDS = {
    "spare, a proxy each": {"hosts": 3, "spare": 1, "place": True},
    "spare, edge": {"hosts": 4, "spare": 2, "place": True, "edge": True, "replicas": 2},
    "all, edge": {"hosts": 3, "edge": True},
    "elsewhere": {"hosts": 3, "spare": 1},
}


class MovingStories(Stories):
    @initialize(kind=st.sampled_from(sorted(KINDS)))
    def begin(self, kind):
        self.stage = Stage(**KINDS[kind])
        self.stage.live()
        self.fuse = 0
        self.frozen = False
        self.stage.hook = self._reach

    def _fewer(self) -> None:
        """What was asked for may leave fewer hosts than there were; the floor of the world follows."""
        newest = self.stage.books.deployments.deployments(SHOP, PRODUCTION, 1)[0]
        needed = newest.policy.needed_of(len(newest.staying))
        self.stage.world.min_healthy = min(self.stage.world.min_healthy, needed)

    def _asked(self, wish, seconds: float) -> None:
        with suppress(Conflict):  # refused, with a reason
            wish()
        self._fewer()
        self._drive(seconds)

    @rule(data=st.data(), force=st.booleans(), seconds=st.integers(0, 40))
    def person_drains(self, data, force, seconds):
        host = data.draw(st.sampled_from(self.stage.names))
        self._asked(lambda: drain(host, "a person", "", force, self.stage.ports), seconds)

    @rule(data=st.data(), seconds=st.integers(0, 40))
    def person_resumes(self, data, seconds):
        host = data.draw(st.sampled_from(self.stage.names))
        self._asked(lambda: resume(host, "a person", self.stage.ports), seconds)

    @rule(data=st.data(), seconds=st.integers(0, 40))
    def person_moves(self, data, seconds):
        origin, target = (data.draw(st.sampled_from(self.stage.names)) for _ in range(2))
        self._asked(lambda: move(SHOP, origin, target, "", "a person", self.stage.ports), seconds)

    @rule(replicas=st.integers(1, 3), seconds=st.integers(0, 40))
    def person_scales(self, replicas, seconds):
        self._asked(lambda: scale(SHOP, PRODUCTION, replicas, "a person", self.stage.ports), seconds)

    @rule(seconds=st.integers(0, 400))
    def scheduler_looks(self, seconds):
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
        number = self.stage.run(self.stage.deploy(live, Reason.MANUAL)).id
        self.stage.check(number, live)
        planned = books.environment(SHOP, PRODUCTION).placed
        found = {host: len(self.stage.running(host)) for host in self.stage.names}
        if {host: count for host, count in found.items() if count} != planned:
            raise Violation(f"the books plan {planned}, and it runs on {found}")

    def _look_until_calm(self) -> None:
        """The scheduler comes back after its pauses, and finds nothing more to do in the end."""
        for _ in range(10):
            self.stage.clock.sleep(601.0)
            numbers = tend(self.stage.ports)
            self._fewer()
            if not numbers:
                return
            for number in numbers:
                self.stage.run(number)
        raise Violation("the scheduler never finds everything in order")


MovingStories.TestCase.settings = settings(
    max_examples=STORIES,
    stateful_step_count=25,
    deadline=None,
    derandomize=STORIES <= 60,
    suppress_health_check=list(HealthCheck),
)
TestMovingStories = MovingStories.TestCase
