"""The whole road from a webhook to the hosts: forges, intake, books, git, scheduler, workers and flows are the real ones;
builder, fleet and time are stand-ins. While time passes, whatever is planned for that time happens: also in the middle
of a build or a rollout."""

import json
import os
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.delivery.run import Run
from pipeline.fleet.service import Repository, Service
from pipeline.intake.inbox import Received
from pipeline.intake.receive import receive
from pipeline.ports import Ports
from pipeline.rollout.policy import Policy
from pipeline.scheduler import Waker
from pipeline.secret import Secret
from pipeline.worker import deploy_once, run_once
from runners.forges import Forges
from runners.process import Beat
from runners.source import GitSource
from runners.stand_ins.delivery import MemoryBuilder, MemoryLogs
from runners.stand_ins.time import VirtualClock
from runners.store import Store
from tests.parts.empty_store import empty_store
from tests.parts.origin import Origin
from tests.rollout.mortal import Books
from tests.rollout.stage import PRODUCTION, SHOP, Stage

TOKEN = "hush-hush"


@dataclass
class Queue:
    """Where ids wait for a worker. A second wake of one that waits does nothing."""

    waiting: list[tuple[str, int]] = field(default_factory=list)

    def wake_run(self, number: int, new: bool = False) -> None:
        self._wake(("run", number))

    def wake_deployment(self, number: int) -> None:
        self._wake(("deployment", number))

    def _wake(self, key: tuple[str, int]) -> None:
        if key not in self.waiting:
            self.waiting.append(key)


class Plan:
    """What happens when. The clock asks it to whenever time has passed."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock, self._pass = clock, clock.sleep
        self._due: list[tuple[datetime, Callable[[], object]]] = []
        clock.sleep = self.sleep  # type: ignore[method-assign]

    def after(self, seconds: float, deed: Callable[[], object]) -> None:
        self._due.append((self._clock.now() + timedelta(seconds=seconds), deed))

    def sleep(self, seconds: float) -> None:
        self._pass(seconds)
        ripe = [one for one in self._due if one[0] <= self._clock.now()]
        self._due = [one for one in self._due if one not in ripe]
        for _, deed in sorted(ripe, key=lambda one: one[0]):
            deed()

    @property
    def empty(self) -> bool:
        return not self._due


class SlowBuilder(MemoryBuilder):
    """A build takes some seconds."""

    pace: Callable[[], None] = staticmethod(lambda: None)

    def build(self, order: Any, log: Any, stop: Any) -> str:
        self.pace()
        return super().build(order, log, stop)


class Road:
    def __init__(self, folder: Path) -> None:
        self.store: Store = empty_store(folder)
        self.origin = Origin(folder / "acme" / "shop.git")
        self.stage = Stage(hosts=2, policy=Policy(), books=lambda _: _books(self.store))
        self.clock = self.stage.clock
        self.plan = Plan(self.clock)
        self.builder, self.queue, self.logs = SlowBuilder(), Queue(), MemoryLogs()
        environment = replace(self.stage.environment, branches=("main",))
        self.shop = Service(
            SHOP,
            Repository(self.origin.url, "gitlab", "acme/shop", Secret(TOKEN)),
            environments={PRODUCTION: environment},
        )
        self.ports: Ports = replace(
            self.stage.ports,
            forges=Forges(),
            inbox=self.store.inbox,
            runs=self.store.runs,
            audit=self.store.audit,
            logs=self.logs,
            queue=self.queue,
            source=GitSource(str(folder / "data"), os.environ),
            builder=self.builder,
        )
        self.serve()
        self.serial = 0

    def serve(self, **changes: Any) -> None:
        """The operator's file says so about the service from now on."""
        self.shop = replace(self.shop, **changes)
        settings = replace(self.stage.settings, services={SHOP: self.shop})
        self.ports = replace(self.ports, settings=settings)

    # ---------------------------------------------------------------------------------------- what forges send

    def commit(self, files: dict[str, str], parent: str = "") -> str:
        return self.origin.commit({"Dockerfile": "FROM x\n"} | files, parent=parent)

    def push(self, commit: str, branch: str = "main") -> Received:
        self.origin.branch(branch, commit)
        body = {"object_kind": "push", "ref": f"refs/heads/{branch}", "after": commit, "before": "0" * 40}
        return self.hook(body | {"checkout_sha": commit, "commits": [], "user_username": "ada"})

    def ask(self, commit: str, number: int = 1, source: int = 1, **attributes: Any) -> Received:
        """A merge request into main, as GitLab keeps and tells it."""
        self.origin.ref(f"refs/merge-requests/{number}/head", commit)
        asked = {"iid": number, "action": "open", "title": "Please"}
        asked |= {"source_branch": "wish", "target_branch": "main"}
        ends = {"source_project_id": source, "target_project_id": 1, "last_commit": {"id": commit}}
        return self.hook(
            {"object_kind": "merge_request", "object_attributes": asked | ends | attributes},
            "Merge Request Hook",
        )

    def hook(self, body: dict[str, Any], event: str = "Push Hook") -> Received:
        self.serial += 1
        headers = {
            "x-gitlab-event": event,
            "x-gitlab-token": TOKEN,
            "idempotency-key": f"delivery-{self.serial}",
        }
        sent = body | {"project": {"path_with_namespace": "acme/shop"}}
        return receive("gitlab", headers, json.dumps(sent).encode(), self.ports)

    # ---------------------------------------------------------------------------------------- who works

    def settle(self, most: int = 100) -> None:
        """Scheduler and workers, second after second, until nothing is due nor planned."""
        waker = Waker(self.ports)
        for second in range(most):
            waker.wake_due(4.0 * second)
            if not self.queue.waiting and self.plan.empty:
                return
            while self.queue.waiting:
                self.work(*self.queue.waiting.pop(0))
            self.clock.sleep(1.0)
        raise AssertionError(f"something is always due: {self.store.runs.due()}")

    def work(self, noun: str, number: int) -> None:
        attempt = run_once if noun == "run" else deploy_once
        attempt(number, self.ports, threading.Event(), Beat())

    # ---------------------------------------------------------------------------------------- what came of it

    def run(self, number: int) -> Run:
        return self.store.runs.run(number)

    def said(self, number: int) -> str:
        return self.logs.read(number)[0].decode()

    @property
    def deployed(self) -> list[str]:
        """Commits that were brought onto hosts, in order."""
        return [one.release.commit for one in reversed(self.store.deployments.deployments(SHOP))]


@pytest.fixture
def road(tmp_path: Path) -> Iterator[Road]:
    made = Road(tmp_path)
    yield made
    made.store.close()


def chances(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - a seed, so that a failure can be seen again


def _books(store: Store) -> Books:
    return Books(
        store.leases, store.releases, store.deployments, store.routes, store.fleet, expire=lambda: None
    )
