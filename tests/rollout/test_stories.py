"""Random stories: releases of every quality, deaths, freezes, outages, reboots and people, in any order.

SHIPWAY_STORIES sets how many are told. When all trouble has ended, everything must have converged.
"""

import os

from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pipeline.errors import Conflict, ShipwayError
from pipeline.rollout.deployment import Reason, Request, Status
from pipeline.rollout.rollback import rollback
from runners.stand_ins.things import HARMLESS, SEEN_BY_PROXIES, Quality
from tests.rollout.stage import PRODUCTION, SHOP, TAKEOVER, Crash, Stage
from tests.rollout.story import Shape, converged, with_batch

STORIES = int(os.environ.get("SHIPWAY_STORIES", "60"))
SHAPES = [
    Shape(hosts=1),
    Shape(hosts=3),
    Shape(hosts=3, policy=with_batch(2)),
    Shape(hosts=2, replicas=2, edge=True),
    Shape(hosts=2, proxy=False),
]


class Stories(RuleBasedStateMachine):
    @initialize(shape=st.sampled_from(SHAPES))
    def begin(self, shape):
        self.stage = Stage(shape.hosts, shape.replicas, shape.edge, shape.proxy, shape.policy)
        self.stage.live()
        self.fuse = 0  # a driver dies when it has burnt down
        self.frozen = False
        self.stage.hook = self._reach

    def _reach(self, where: str) -> None:
        if not self.fuse or self.frozen:
            return
        self.fuse -= 1
        if self.fuse == 0:
            raise Crash(where)

    def _drive(self, seconds: float) -> None:
        end = self.stage.clock.now().timestamp() + seconds
        while self.stage.clock.now().timestamp() < end:
            due = self.stage.books.deployments.due()
            if not due:
                self.stage.clock.sleep(1.0)
                continue
            try:
                self.stage.driver(due[0], lambda: self.stage.clock.now().timestamp() >= end)
            except (Crash, ShipwayError):
                self.stage.clock.sleep(TAKEOVER)
                self.stage.books.expire()

    @rule(quality=st.sampled_from(Quality), seconds=st.integers(0, 40))
    def deploy(self, quality, seconds):
        """Answers can only be seen by a proxy, and their times only compared where an earlier release is seen too."""
        assume(quality is not Quality.SLOW_ANSWERS)
        assume(self.stage.sites or quality not in SEEN_BY_PROXIES)
        self.stage.deploy(self.stage.release(quality))
        self._drive(seconds)

    @rule(seconds=st.integers(1, 60))
    def time_passes(self, seconds):
        self._drive(seconds)

    @rule(points=st.integers(1, 40), seconds=st.integers(1, 20))
    def driver_dies(self, points, seconds):
        self.fuse = points
        self._drive(seconds)

    @rule(data=st.data(), up=st.booleans(), seconds=st.integers(0, 20))
    def host_goes_or_comes(self, data, up, seconds):
        self.stage.world.up[data.draw(st.sampled_from(self.stage.world.hosts))] = up
        self._drive(seconds)

    @rule(data=st.data(), seconds=st.integers(0, 5))
    def host_reboots(self, data, seconds):
        self.stage.world.reboot(data.draw(st.sampled_from(self.stage.names)))
        self._drive(seconds)

    @rule(data=st.data(), seconds=st.integers(0, 5))
    def container_is_killed(self, data, seconds):
        containers = sorted(self.stage.world.containers)
        if containers:
            self.stage.world.end(self.stage.world.containers[data.draw(st.sampled_from(containers))], 137)
        self._drive(seconds)

    @rule(up=st.booleans(), seconds=st.integers(0, 20))
    def registry_goes_or_comes(self, up, seconds):
        self.stage.world.registry_up = up
        self._drive(seconds)

    @rule(stuck=st.booleans(), seconds=st.integers(0, 20))
    def proxies_stick_or_load(self, stuck, seconds):
        for site in self.stage.sites:
            self.stage.world.front(site).stuck = stuck
        self._drive(seconds)

    @rule(lost=st.integers(1, 3), seconds=st.integers(0, 5))
    def answers_get_lost(self, lost, seconds):
        self.stage.world.lose_answers = lost
        self._drive(seconds)

    @rule(request=st.sampled_from([Request.PAUSE, Request.RESUME, Request.ABORT]), seconds=st.integers(0, 20))
    def person_asks(self, request, seconds):
        active = self.stage.books.deployments.active(SHOP, PRODUCTION)
        if active is not None and active.request is not Request.ABORT:
            self.stage.books.deployments.ask(active.id, request)
        self._drive(seconds)

    @rule(seconds=st.integers(0, 20))
    def person_goes_back(self, seconds):
        try:
            rollback(SHOP, PRODUCTION, None, "a person", self.stage.ports)
        except Conflict:
            assert self.stage.books.deployments.environment(SHOP, PRODUCTION).live is not None
        self._drive(seconds)

    @precondition(lambda self: hasattr(self, "stage"))
    @invariant()
    def bad_release_is_never_the_last_good_one(self):
        good = self.stage.books.deployments.environment(SHOP, PRODUCTION).last_good
        assert self.stage.world.quality(good) in HARMLESS

    @precondition(lambda self: hasattr(self, "stage"))
    @invariant()
    def at_most_one_deployment_is_at_work(self):
        open_ones = [d for d in self.stage.books.deployments.deployments(limit=1000) if not d.over]
        assert sum(d.status is not Status.PENDING for d in open_ones) <= 1

    def teardown(self):
        if not hasattr(self, "stage"):
            return
        self._heal()
        number = self._end_all()
        state = self.stage.books.deployments.environment(SHOP, PRODUCTION)
        live = self.stage.books.releases.release(SHOP, state.last_good)
        if number is None or not converged(self.stage, number, live):
            number = self.stage.run(self.stage.deploy(live, Reason.MANUAL)).id
        self.stage.check(number, live)

    def _heal(self) -> None:
        world = self.stage.world
        self.stage.hook = lambda _: None
        world.up = dict.fromkeys(world.up, True)
        world.registry_up, world.lose_answers = True, 0
        for front in world.fronts.values():
            front.stuck = False

    def _end_all(self) -> int | None:
        """A paused one, or one that is to be paused, is resumed: people do not sleep for ever."""
        number = None
        books = self.stage.books.deployments
        while books.due():
            number = books.due()[0]
            asked = books.deployment(number).request
            paused = books.deployment(number).status is Status.PAUSED
            if asked is Request.PAUSE or (paused and asked is Request.NONE):
                books.ask(number, Request.RESUME)
            self.stage.run(number)
        return number


Stories.TestCase.settings = settings(
    max_examples=STORIES,
    stateful_step_count=25,
    deadline=None,
    derandomize=STORIES <= 60,
    suppress_health_check=list(HealthCheck),
)
TestStories = Stories.TestCase
