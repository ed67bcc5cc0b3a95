"""Wakes what is due, builds what a lost webhook forgot or a schedule asks for, scales, looks after hosts, and tidies: the one
process that looks at a clock.

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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from pipeline.errors import ShipwayError
from pipeline.lease import Lease
from pipeline.ports import Ports
from pipeline.rollout.holding import let_go
from pipeline.rollout.tend import tend
from pipeline.scaler import Scaler
from pipeline.sweeper import Sweeper
from pipeline.timekeeper import Timekeeper
from runners.process import Beat

log = logging.getLogger("shipway.scheduler")

KEY = "scheduler"
EXTEND_EVERY = 2.0  # seconds; each extension is a write that waits for the disk
TICK = 1.0  # seconds between two looks while a run or a deployment is open
REST = 6.0  # ... and while none is: whoever writes a new one wakes a worker, this is only for a wake that got lost
LEASE_MARGIN = 4.0  # seconds that a look may be late before another scheduler leads
WAKE_AGAIN = 3.0  # seconds; a worker that was just woken gets this long to take its lease
TEND_EVERY = 15.0  # a silent host is noticed within it, and a drain that had to wait goes on
TEND_SOON = 3.0  # ... while one is silent, or back and not in order yet: its grace may end at any moment
TIDY_EVERY = 86400.0
WATCH_EVERY = 60.0  # GitLab runners


@dataclass
class Chores:
    """What is done rarely, in a thread of its own so that a slow host never delays a wake."""

    tidy: Callable[[], None]
    tend: Callable[[], bool]  # whether the next one is wanted soon
    every: Mapping[str, float] = field(default_factory=lambda: {"tend": TEND_EVERY, "tidy": TIDY_EVERY})
    started: dict[str, float] = field(default_factory=dict)
    thread: threading.Thread | None = None
    soon: bool = False

    def start_due(self, now: float) -> None:
        if self.thread is not None and self.thread.is_alive():
            return
        for name, every in self.every.items():
            if now - self.started.setdefault(name, now - every + 5.0) >= every:
                self.started[name] = now
                self.thread = threading.Thread(target=self._do, args=(name,), name=name, daemon=True)
                self.thread.start()
                return

    def _do(self, name: str) -> None:
        if name == "tidy":
            self.tidy()
            return
        soon = bool(self.tend())
        if soon != self.soon:
            self.soon = soon
            self.every = {**self.every, "tend": TEND_SOON if soon else TEND_EVERY}


@dataclass
class Watch:
    """One look at a time, in a thread of its own: at GitLab runners, where one that leaves may take an hour; at pools; at an
    entrance's regions, where one that is gone takes its timeout; at what a restore left to do; at whether a backup is due."""

    look: Callable[[], None] = lambda: None
    every: float = WATCH_EVERY
    name: str = "gitlab-runners"
    prompt: bool = False  # somebody waits for it, also while nothing is deployed
    started: float | None = None
    thread: threading.Thread | None = None

    def start_due(self, now: float) -> None:
        if self.thread is not None and self.thread.is_alive():
            return
        if self.started is None or now - self.started >= self.every:
            self.started = now
            self.thread = threading.Thread(target=self.look, name=self.name, daemon=True)
            self.thread.start()


def schedule(
    ports: Ports,
    stopping: threading.Event,
    beat: Beat,
    tidy: Callable[[], None],
    keep_up: Callable[[], None] = lambda: None,
    watch: Watch | None = None,
    watches: Sequence[Watch] = (),
) -> None:
    """Until `stopping`. Returns with the lease given back. `keep_up` what else runs beside it. `watches`: more of
    them, in threads of their own, so that no tick is longer than usual."""
    sweeper, timekeeper = Sweeper(ports, time.monotonic), Timekeeper(ports, time.monotonic)
    scaler = Scaler(ports, time.monotonic)
    chores = Chores(tidy, partial(look_after, ports))
    waker = Waker(ports)
    lead = Lead(ports)
    pause, rest = TICK, min((REST, scaler.patience(), *(one.every for one in watches if one.prompt)))
    while not stopping.wait(pause):
        beat.touch()
        keep_up()
        try:
            resting = ports.runs.at_rest() and ports.deployments.at_rest()
            pause = rest if resting else TICK
            if lead.held(time.monotonic(), pause + LEASE_MARGIN):
                for run in let_go(ports):
                    ports.queue.wake_run(run)
                if not resting:
                    waker.wake_due(time.monotonic())
                chores.start_due(time.monotonic())
                sweeper.start_due()
                for one in (watch, *watches) if watch is not None else watches:
                    one.start_due(time.monotonic())
                timekeeper.start_due()
                scaler.start_due()
        except ShipwayError as error:
            log.warning("tick failed, trying again", extra={"error": str(error)})
    lead.give_back()


def stop_on_signal() -> threading.Event:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def look_after(ports: Ports) -> bool:
    """Hosts and idle environments; whether the next look is wanted soon. What goes wrong is tried again at it."""
    try:
        numbers = tend(ports)
        states = ports.fleet.hosts()
    except ShipwayError as error:
        log.warning("hosts not looked after, trying again", extra={"error": str(error)})
        return False
    for number in numbers:
        ports.queue.wake_deployment(number)
        log.info("environment is placed anew", extra={"deployment": number})
    return any(state.silent_since or state.returned_at for state in states.values())


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
