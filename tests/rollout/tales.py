"""Random stories: releases of every quality, deaths, freezes, outages, reboots and people, in any order and any shape.

Each rule is a step, said in words as it happens. When all trouble has ended, everything must have converged.
"""

from hypothesis import assume, note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pipeline.errors import Conflict, ShipwayError
from pipeline.rollout.deployment import Deployment, Reason, Request, Status
from pipeline.rollout.rollback import rollback
from runners.stand_ins.things import HARMLESS, SEEN_BY_PROXIES, Quality, Violation
from tests.rollout.mortal import Crash
from tests.rollout.shapes import KINDS
from tests.rollout.stage import PRODUCTION, SHOP, TAKEOVER, Stage
from tests.rollout.story import converged

LIMIT = 1200.0  # seconds of its own time until a deployment must have ended
WISHES = (Request.PAUSE, Request.RESUME, Request.ABORT, Request.APPROVE, Request.PROMOTE)
which = st.integers(0, 11)  # of hosts or containers, in their order


class Tales(RuleBasedStateMachine):
    @initialize(kind=st.sampled_from(sorted(KINDS)))
    def begin(self, kind):
        self._begin(kind, Stage(**KINDS[kind]))

    def _begin(self, kind: str, stage: Stage) -> None:
        self.stage, self.kind = stage, kind
        self.stage.live()
        self.fuse = 0  # a driver dies when it has burnt down
        self.stage.hook = self._reach
        self.calm_told = False
        self.began = stage.clock.now()
        self._say(f"{kind}: release 1 is live on {', '.join(stage.used)}")

    def _say(self, text: str) -> None:
        note(f"{(self.stage.clock.now() - self.began).total_seconds():7.1f} s  {text}")

    def _reach(self, where: str) -> None:
        if not self.fuse:
            return
        self.fuse -= 1
        if self.fuse == 0:
            self._say(f"the driver dies at: {where}")
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

    # ------------------------------------------------------------------------------------------ releases

    @rule(quality=st.sampled_from(Quality), seconds=st.integers(0, 40))
    def deploy(self, quality, seconds):
        """Times are only compared where an earlier release is seen too, and a load balancer may send nobody."""
        assume(quality is not Quality.SLOW_ANSWERS)
        seen = bool(self.stage.sites) and self.stage.world.entrance is None
        assume(seen or quality not in SEEN_BY_PROXIES)
        release = self.stage.release(quality)
        self._say(f"release {release.number} ({quality}) is deployed")
        self.stage.deploy(release)
        self._drive(seconds)

    @precondition(lambda self: hasattr(self, "stage") and not self.calm_told and self._is_calm())
    @rule(quality=st.sampled_from(sorted(SEEN_BY_PROXIES)))
    def only_its_users_see_what_is_wrong(self, quality):
        """Without any trouble around it, it must go back. Once in a story: it is a long one."""
        assume(
            quality is Quality.BAD_ANSWERS or not self.stage.environment.policy.singleton
        )  # nobody serves beside it
        release = self.stage.release(quality)
        self._say(f"release {release.number} ({quality}) is deployed, and nothing else happens")
        self.fuse, self.calm_told = 0, True
        status = self._end(self.stage.deploy(release)).status
        if status not in (Status.ROLLED_BACK, Status.CANCELLED):
            raise Violation(f"release {release.number} is {quality}, and its deployment {status}")

    def _is_calm(self) -> bool:
        """Everything works, users come, nothing is under way, and what is live is where it should be."""
        stage, world = self.stage, self.stage.world
        fronts = [world.front(site) for site in stage.sites]
        works = all(world.up.values()) and world.registry_up and not world.lose_answers
        works = works and not world.metric_error and not any(front.stuck for front in fronts)
        newest = stage.books.deployments.deployments(SHOP, PRODUCTION, 1)[0]
        if not (fronts and works and newest.over) or world.entrance is not None:
            return False
        state = stage.books.deployments.environment(SHOP, PRODUCTION)
        good = stage.books.releases.release(SHOP, state.last_good)
        quick = world.quality(good.number) is Quality.GOOD
        return quick and state.live == good.number and converged(stage, newest.id, good)

    # ------------------------------------------------------------------------------------------ trouble

    @rule(seconds=st.integers(1, 60))
    def time_passes(self, seconds):
        self._say(f"{seconds} s pass")
        self._drive(seconds)

    @rule(points=st.integers(1, 40), seconds=st.integers(1, 20))
    def driver_dies(self, points, seconds):
        self.fuse = points
        self._drive(seconds)

    @rule(at=which, up=st.booleans(), seconds=st.integers(0, 20))
    def host_goes_or_comes(self, at, up, seconds):
        host = self.stage.world.hosts[at % len(self.stage.world.hosts)]
        self._say(f"{host} {'answers' if up else 'does not answer any more'}")
        self.stage.world.up[host] = up
        self._drive(seconds)

    @rule(at=which, seconds=st.integers(0, 5))
    def host_reboots(self, at, seconds):
        host = self.stage.names[at % len(self.stage.names)]
        self._say(f"{host} reboots")
        self.stage.world.reboot(host)
        self._drive(seconds)

    @rule(at=which, seconds=st.integers(0, 5))
    def container_is_killed(self, at, seconds):
        containers = sorted(self.stage.world.containers.values(), key=lambda c: c.id)
        if containers:
            container = containers[at % len(containers)]
            name = f"{container.id} (release {container.plan.release} on {container.host})"
            self._say(f"somebody kills {name}")
            self.stage.world.end(container, 137)
        self._drive(seconds)

    @rule(up=st.booleans(), seconds=st.integers(0, 20))
    def registry_goes_or_comes(self, up, seconds):
        self._say(f"the registry {'answers' if up else 'does not answer any more'}")
        self.stage.world.registry_up = up
        self._drive(seconds)

    @rule(stuck=st.booleans(), seconds=st.integers(0, 20))
    def proxies_stick_or_load(self, stuck, seconds):
        self._say(f"the proxies {'ignore reloads' if stuck else 'reload'}")
        for site in self.stage.sites:
            self.stage.world.front(site).stuck = stuck
        self._drive(seconds)

    @rule(lost=st.integers(1, 3), seconds=st.integers(0, 5))
    def answers_get_lost(self, lost, seconds):
        self._say(f"the next {lost} answers get lost")
        self.stage.world.lose_answers = lost
        self._drive(seconds)

    @precondition(lambda self: hasattr(self, "stage") and self.stage.environment.policy.metrics)
    @rule(
        value=st.sampled_from([0.0, 0.2, None]),
        error=st.sampled_from(["", "no answer"]),
        seconds=st.integers(0, 30),
    )
    def prometheus_says(self, value, error, seconds):
        self._say(f"prometheus says {error or value}")
        self.stage.world.metric, self.stage.world.metric_error = value, error
        self._drive(seconds)

    @precondition(lambda self: hasattr(self, "stage") and self.stage.world.entrance)
    @rule(down=st.booleans(), seconds=st.integers(0, 20))
    def load_balancer_goes_or_comes(self, down, seconds):
        self._say(f"the load balancer's API {'does not answer any more' if down else 'answers'}")
        self.stage.world.entrance.down = down
        self._drive(seconds)

    @precondition(lambda self: hasattr(self, "stage") and self.stage.world.entrance)
    @rule(at=which, what=st.sampled_from(["park", "admit", "remove"]), seconds=st.integers(0, 20))
    def somebody_else_changes_the_members(self, at, what, seconds):
        host = self.stage.used[at % len(self.stage.used)]
        self._say(f"somebody else lets the load balancer {what} {host}")
        if what == "remove":
            self.stage.world.entrance.places.pop(host, None)
        else:
            self.stage.world.entrance.turn(host, what == "admit")
        self._drive(seconds)

    # ------------------------------------------------------------------------------------------ people

    @rule(request=st.sampled_from(WISHES), seconds=st.integers(0, 20))
    def person_asks(self, request, seconds):
        active = self.stage.books.deployments.active(SHOP, PRODUCTION)
        if active is not None and active.request is not Request.ABORT:
            self._say(f"a person asks to {request} deployment {active.id}")
            self.stage.books.deployments.ask(active.id, request)
        self._drive(seconds)

    @rule(seconds=st.integers(0, 20))
    def person_goes_back(self, seconds):
        self._say("a person asks to go back")
        try:
            rollback(SHOP, PRODUCTION, None, "a person", self.stage.ports)
        except Conflict:
            assert self.stage.books.deployments.environment(SHOP, PRODUCTION).live is not None
        self._drive(seconds)

    # ------------------------------------------------------------------------------------------ promises

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
            self._say(f"release {live.number} is deployed once more")
            number = self._end(self.stage.deploy(live, Reason.MANUAL)).id
        self.stage.check(number, live)

    def _heal(self) -> None:
        """All trouble ends, and whoever changed the load balancer undoes it."""
        self._say("all trouble ends")
        world = self.stage.world
        self.fuse = 0
        world.up = dict.fromkeys(world.up, True)
        world.registry_up, world.lose_answers = True, 0
        world.metric, world.metric_error = 0.0, ""
        for front in world.fronts.values():
            front.stuck = False
        if world.entrance is not None:
            world.entrance.down = False
            for host in self.stage.used:
                world.entrance.turn(host, True)

    def _end_all(self) -> int | None:
        number = None
        while self.stage.books.deployments.due():
            number = self.stage.books.deployments.due()[0]
            self._end(number)
        return number

    def _end(self, number: int) -> Deployment:
        """To its end, with a person who answers whenever it waits for one: people do not sleep for ever."""
        books, clock = self.stage.books.deployments, self.stage.clock
        until = clock.now().timestamp() + LIMIT
        while clock.now().timestamp() < until:
            began, active = clock.now(), books.active(SHOP, PRODUCTION)
            if active is not None and active.id != number:
                self._end(active.id)  # ours waits for its turn
            wish = _answer(books.deployment(number))
            if wish is not Request.NONE:
                self._say(f"a person asks to {wish} deployment {number}")
                books.ask(number, wish)
            self.stage.books.expire()
            stop = lambda: clock.now().timestamp() >= until or bool(_answer(books.deployment(number)))  # noqa: E731
            deployment = self.stage.driver(number, stop)
            self._say(f"deployment {number} is {deployment.status} {deployment.error}")
            if deployment.over:
                return deployment
            if clock.now() == began:
                clock.sleep(1.0)
        raise Violation(f"no verdict within {LIMIT:g} s: {deployment.status} {deployment.blocked}")


def _answer(deployment: Deployment) -> Request:
    """What a person says to a deployment that waits, or is to wait; nothing to one that goes on by itself."""
    if deployment.request is Request.PAUSE:
        return Request.RESUME
    if deployment.request is not Request.NONE:
        return Request.NONE
    if deployment.status is Status.AWAITING_PROMOTION:
        return Request.PROMOTE
    if deployment.status is Status.PAUSED:
        return Request.ABORT if deployment.failed_at else Request.RESUME
    return Request.NONE
