"""What these tests have in common: a fleet on two hosts, and a desk with real books, a fake GitLab over HTTP, hosts in memory."""

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from pipeline.fleet.gitlab_runners import RunnerFleet, RunnerScope
from pipeline.fleet.host import Host
from pipeline.gitlab_runner.apply import Applied, apply
from pipeline.gitlab_runner.decide import decide
from pipeline.gitlab_runner.desk import RunnerDesk
from pipeline.gitlab_runner.look import look
from pipeline.gitlab_runner.runner import Record, Slot
from pipeline.secret import Secret
from pipeline.settings import Settings
from runners.gitlab_runner.coordinator import GitLabCoordinator
from runners.gitlab_runner.hold import hold
from runners.hands import ThreadHands
from runners.stand_ins.runner_hosts import MemoryRunnerHosts
from runners.store import Store
from tests.forge.gitlab import FakeGitLab
from tests.parts.empty_store import empty_store

WEB_1 = Host("web-1", "tcp://10.0.0.11:2375", "10.0.0.11", labels={"role": "ci"})
WEB_2 = Host("web-2", "tcp://10.0.0.12:2375", "10.0.0.12", labels={"role": "ci"})
ONE, TWO = Slot("ci", "web-1", 1), Slot("ci", "web-2", 1)


def fleet_of(gitlab: FakeGitLab, **more: Any) -> RunnerFleet:
    project = gitlab.projects.get("acme/shop") or gitlab.project("acme/shop")
    given = {
        "name": "ci",
        "url": gitlab.url,
        "token": Secret(gitlab.token("create_runner manage_runner read_api")),
        "hosts": (WEB_1, WEB_2),
        "runner_image": "gitlab/gitlab-runner:v18.5.0",
        "scope": RunnerScope.PROJECT,
        "id": project.id,
        "tags": ("docker",),
        "image": "alpine:3",
        "volumes": ("/cache",),
        **more,
    }
    return RunnerFleet(**given)


@dataclass
class Clock:
    """Goes on by itself, a second with each look at it."""

    at: datetime = datetime(2026, 11, 27, tzinfo=UTC)

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@dataclass
class Ground:
    """One Shipway beside one GitLab. `desk()` is as a new process would have it."""

    folder: Path
    gitlab: FakeGitLab
    hosts: MemoryRunnerHosts = field(default_factory=MemoryRunnerHosts)
    clock: Clock = field(default_factory=Clock)
    nonces: Any = field(default_factory=lambda: count(1))
    said: list[str] = field(default_factory=list)
    unwanted: Callable[[], bool] = bool  # never
    drawn: dict[str, Host] = field(default_factory=lambda: {"web-1": WEB_1, "web-2": WEB_2})

    def __post_init__(self) -> None:
        self.store: Store = empty_store(self.folder)
        self.hosts.calls = self.call

    def call(self, record: Record) -> None:
        """What a runner does as soon as it runs."""
        self.gitlab.runners.rows[record.runner]["contacted_at"] = self.clock.now().timestamp()

    def desk(self, *fleets: RunnerFleet, **more: Any) -> RunnerDesk:
        named = {fleet.name: fleet for fleet in fleets}
        desk = RunnerDesk(
            settings=Settings(hosts=self.drawn, gitlab_runners=named),
            coordinator=GitLabCoordinator(),
            engines=self.hosts,
            books=self.store.gitlab_runners,
            fleet=self.store.fleet,
            hands=ThreadHands(),
            hold=partial(hold, self.store.leases, self.unwanted),
            now=self.clock.now,
            nonce=lambda: f"{next(self.nonces):012d}",
            installation=lambda: "here",
        )
        return replace(desk, **more)

    def tokens(self) -> dict[Slot, str]:
        """By slot, what its container proves itself with."""
        found = self.hosts.containers.values()
        return {one.slot: self.hosts.tokens[one.id].reveal() for one in found if one.running}

    def places(self) -> list[str]:
        """At GitLab, by what is said in the descriptions."""
        return [text.split(" ")[2] for text in self.gitlab.runners.described()]

    def at_gitlab(self) -> dict[str, str]:
        """Token -> description."""
        return {row["token"]: row["description"] for row in self.gitlab.runners.rows.values()}


class Killed(BaseException):
    """A kill -9 at one call."""


class Dying:
    """Passes calls on; at the `at`-th the process dies, before or after it was done."""

    def __init__(self, counter: "Countdown", inner: Any) -> None:
        self._counter, self._inner = counter, inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return partial(self._counter.passing, found) if callable(found) else found


@dataclass
class Countdown:
    at: int
    after: bool
    calls: int = 0

    def passing(self, deed: Callable[..., Any], *words: Any) -> Any:
        self.calls += 1
        dies = self.calls == self.at
        if self.calls > self.at or (dies and not self.after):
            raise Killed
        result = deed(*words)
        if dies:
            raise Killed
        return result


class OneHand:
    """One job after the other, so that a death has one place."""

    def each(self, jobs: Any) -> Any:
        return [job() for job in jobs]


def dying(desk: RunnerDesk, counter: Countdown) -> RunnerDesk:
    parts = {name: Dying(counter, getattr(desk, name)) for name in ("coordinator", "engines", "books")}
    return replace(desk, hands=OneHand(), hold=_held(desk), **parts)


def _held(desk: RunnerDesk) -> Callable[[float], AbstractContextManager[Any]]:
    """Given back even in death: that a lease runs out is the lease's own test."""

    @contextmanager
    def held(patience: float) -> Any:
        with desk.hold(patience) as kept:
            yield kept

    return held


def applied(ground: Ground, desk: RunnerDesk) -> Applied:
    return apply(desk, ground.said.append)


def settled(ground: Ground, desk: RunnerDesk) -> bool:
    """Nothing is left to do, and each container proves itself with the token of the entry of its slot."""
    at_gitlab = ground.at_gitlab()
    tokens = ground.tokens()
    named = {str(slot): at_gitlab.get(token, "").split(" ")[2:3] for slot, token in tokens.items()}
    whole = len(at_gitlab) == len(tokens) and all(place == [slot] for slot, place in named.items())
    return whole and decide(desk.fleets, look(desk)).changes == ()
