"""Wakes what is due, builds what a lost webhook forgot, looks after hosts, and tidies: the one process that looks at a clock.

Any number may run; one leads, by a lease. Never works on anything itself, and keeps nothing that matters in memory:
a scheduler that starts anew finds all that is due in the books.
"""

import logging
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from pipeline.delivery.run import NewRun, Run
from pipeline.errors import NotFound, ShipwayError
from pipeline.fleet.service import Environment, Service
from pipeline.lease import Lease
from pipeline.ports import Ports
from pipeline.rollout.tend import tend
from runners.process import Beat

log = logging.getLogger("shipway.scheduler")

KEY = "scheduler"
EXTEND_EVERY = 2.0  # seconds; each extension is a write that waits for the disk
TICK = 1.0  # seconds between two looks while a run or a deployment is open
REST = 4.0  # ... and while none is: whoever writes a new one wakes a worker, this is only for a wake that got lost
LEASE_MARGIN = 4.0  # seconds that a look may be late before another scheduler leads
WAKE_AGAIN = 3.0  # seconds; a worker that was just woken gets this long to take its lease
SWEEP_EVERY = 120.0
TEND_EVERY = 30.0  # a silent host is noticed within it, and a drain that had to wait goes on
TIDY_EVERY = 86400.0


@dataclass
class Chores:
    """What is done rarely, in a thread of its own so that a slow forge never delays a wake."""

    sweep: Callable[[], None]
    tidy: Callable[[], None]
    tend: Callable[[], None]
    every: Mapping[str, float] = field(
        default_factory=lambda: {"tend": TEND_EVERY, "sweep": SWEEP_EVERY, "tidy": TIDY_EVERY}
    )
    started: dict[str, float] = field(default_factory=dict)
    thread: threading.Thread | None = None

    def start_due(self, now: float) -> None:
        if self.thread is not None and self.thread.is_alive():
            return
        for name, every in self.every.items():
            if now - self.started.setdefault(name, now - every + 5.0) >= every:
                self.started[name] = now
                self.thread = threading.Thread(target=getattr(self, name), name=name, daemon=True)
                self.thread.start()
                return


def schedule(
    ports: Ports,
    stopping: threading.Event,
    beat: Beat,
    tidy: Callable[[], None],
    keep_up: Callable[[], None] = lambda: None,
) -> None:
    """Until `stopping`. Returns with the lease given back. `keep_up` what else runs beside it."""
    sweeper = Sweeper(ports)
    chores = Chores(sweeper.sweep, tidy, partial(look_after, ports))
    waker = Waker(ports)
    lead = Lead(ports)
    pause = TICK
    while not stopping.wait(pause):
        beat.touch()
        keep_up()
        try:
            pause = REST if ports.runs.at_rest() and ports.deployments.at_rest() else TICK
            if lead.held(time.monotonic(), pause + LEASE_MARGIN):
                if pause < REST:
                    waker.wake_due(time.monotonic())
                chores.start_due(time.monotonic())
        except ShipwayError as error:
            log.warning("tick failed, trying again", extra={"error": str(error)})
    lead.give_back()


def stop_on_signal() -> threading.Event:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def look_after(ports: Ports) -> None:
    """Hosts and idle environments. What goes wrong is tried again at the next look."""
    try:
        numbers = tend(ports)
    except ShipwayError as error:
        log.warning("hosts not looked after, trying again", extra={"error": str(error)})
        return
    for number in numbers:
        ports.queue.wake_deployment(number)
        log.info("environment is placed anew", extra={"deployment": number})


class Lead:
    """The lease under which one of all schedulers wakes and looks after."""

    def __init__(self, ports: Ports) -> None:
        self._leases = ports.leases
        self._lease: Lease | None = None
        self._since = 0.0

    def held(self, now: float, ttl: float) -> bool:
        if self._lease is not None and now - self._since < EXTEND_EVERY:
            return True
        if self._lease is None or not self._leases.extend(self._lease, ttl):
            owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
            self._lease = self._leases.take(KEY, owner, ttl)
            if self._lease is not None:
                log.info("scheduler leads", extra={"fence": self._lease.fence})
        self._since = now
        return self._lease is not None

    def give_back(self) -> None:
        if self._lease is not None:
            self._leases.give_back(self._lease)


class Waker:
    """Pushes ids. The memory is only against pushing one each second; forgetting it costs a wake too many."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._pushed: dict[tuple[str, int], float] = {}

    def wake_due(self, now: float) -> None:
        due = [("run", number) for number in self._ports.runs.due()]
        due += [("deployment", number) for number in self._ports.deployments.due()]
        self._pushed = {key: at for key, at in self._pushed.items() if key in due}
        for key in due:
            if now - self._pushed.get(key, float("-inf")) >= WAKE_AGAIN:
                self._wake(key)
                self._pushed[key] = now

    def _wake(self, key: tuple[str, int]) -> None:
        noun, number = key
        wake = self._ports.queue.wake_run if noun == "run" else self._ports.queue.wake_deployment
        wake(number)


def forgotten(environment: Environment, ref: str, commit: str, runs: list[Run]) -> bool:
    """Was this head of a branch never built? An environment that never saw a run is left alone: what lies in a
    repository on the day it is connected is not a push."""
    own = [run for run in runs if run.environment == environment.name]
    return bool(own) and all(run.commit != commit for run in own)


class Sweeper:
    """Asks each repository for its branches. A head must be missing twice before it is built: its webhook may just be
    on its way."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._suspects: set[tuple[str, str, str, str]] = set()

    def sweep(self) -> None:
        seen: set[tuple[str, str, str, str]] = set()
        for service in self._ports.settings.services.values():
            try:
                seen |= self._of_service(service)
            except ShipwayError as error:
                log.warning("sweep failed", extra={"service": service.name, "error": str(error)})
        self._suspects = seen

    def _of_service(self, service: Service) -> set[tuple[str, str, str, str]]:
        suspects = set()
        for environment in service.environments.values():
            runs = self._ports.runs.runs(service=service.name, environment=environment.name, limit=200)
            for branch in environment.branches:
                head = self._head(service, branch)
                if head is None or not forgotten(environment, branch, head, runs):
                    continue
                suspect = (service.name, environment.name, branch, head)
                suspects.add(suspect)
                if suspect in self._suspects:
                    self._build(*suspect)
        return suspects

    def _head(self, service: Service, branch: str) -> str | None:
        """Patterns are not asked for: their webhooks are not missed by a look at one head."""
        if any(char in branch for char in "*?["):
            return None
        try:
            kind, _, commit = self._ports.source.resolve(service.repository, branch)
        except NotFound:
            return None
        return commit if kind == "branch" else None

    def _build(self, service: str, environment: str, branch: str, commit: str) -> None:
        run = self._ports.runs.add(NewRun(service, environment, "branch", branch, commit, "sweep"))
        self._ports.queue.wake_run(run.id)
        log.info("push without a webhook found", extra={"run": run.id, "service": service, "commit": commit})
