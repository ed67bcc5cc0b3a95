"""Keeps the processes of one machine alive: starts them, restarts what dies or freezes, ends all of them together.

    waiting ──start──▶ running ──exit──▶ waiting (a second at least, longer each time it dies young)
                          └──no sign of life for 15 s──▶ killed ──▶ waiting

Stdlib only and without threads: it is what must not fail. Knows nothing of what the processes do; its plan is a file
that `shipway up` wrote. When it is killed itself the kernel kills all its children.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from runners.log_lines import set_up
from runners.process import Beat, Fork, Watch, dying_with, reap_orphans, say

log = logging.getLogger("shipway.supervisor")

FROZEN = 15.0  # seconds without a sign of life
STARTING = 30.0  # seconds that a process may take for its first one
YOUNG = 10.0  # a process that dies within this is restarted more slowly each time
SLOWEST = 10.0
PATIENCE = 8.0  # seconds between SIGTERM and SIGKILL
LAST_PATIENCE = 1.5
WAKE = 6.0  # a death wakes us at once; only a freeze must be looked for
AGAIN = 1.0  # while one is to be started later
SOON = 0.05  # while somebody waits for what another one must bring first
PASSED_ON = ("PATH", "HOME", "LANG", "TZ", "LD_LIBRARY_PATH")  # to programs that are not ours
SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class ChildPlan:
    """`beat`: file of its signs of life. `ready`: a path that shows it works; `after`: one it waits for.
    `last`: ended when all others have ended. `fds`: open files that it inherits. `pid`: of the first one, when it was
    made by this process before it became the supervisor. `foreign`: somebody else's program, which gets nothing of an
    environment that may hold secrets. `farewell`: sent to the socket at `ready` along with the signal that ends it, for a
    program that looks for signals once a second."""

    name: str
    words: tuple[str, ...]
    beat: str = ""
    ready: str = ""
    after: str = ""
    last: bool = False
    fds: tuple[int, ...] = ()
    pid: int = 0
    foreign: bool = False
    farewell: str = ""


def write_plan(children: Sequence[ChildPlan], path: Path) -> None:
    path.write_text(json.dumps([asdict(child) for child in children], indent=1), encoding="utf-8")


def read_plan(path: Path) -> list[ChildPlan]:
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [ChildPlan(**row | {"words": tuple(row["words"]), "fds": tuple(row["fds"])}) for row in rows]


class Process(Protocol):
    """What `subprocess.Popen` and `runners.process.Fork` have in common."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self) -> int: ...
    def send_signal(self, number: int, /) -> None: ...


Spawn = Callable[[ChildPlan], Process]


def execute(plan: ChildPlan) -> Process:
    """A program of its own, that dies with us."""
    return subprocess.Popen(
        plan.words,
        stdin=subprocess.DEVNULL,
        pass_fds=plan.fds,
        env={name: os.environ[name] for name in PASSED_ON if name in os.environ} if plan.foreign else None,
        preexec_fn=dying_with(os.getpid()),  # this process has no threads
        start_new_session=True,  # Ctrl-C is for the supervisor alone
    )


class Child:
    """One process of the plan, again and again."""

    def __init__(self, plan: ChildPlan, spawn: Spawn = execute) -> None:
        self.plan = plan
        self.process: Process | None = None
        self._spawn = spawn
        self._watch = Watch(Beat(plan.beat), 0.0, STARTING)
        self._started_at = 0.0
        self._not_before = 0.0
        self._waiting_since: float | None = None
        self._to_adopt = plan.pid
        self._young_deaths = 0
        self._expected = False

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def waits(self) -> bool:
        return self.process is None and self._waiting_since is not None

    def look(self, now: float) -> None:
        """Notice what became of it, and start it when it is time."""
        if self.process is not None:
            code = self.process.poll()
            if code is not None:
                self._died(code, now)
            elif self._frozen(now):
                log.error("frozen process killed", extra={"child": self.plan.name, "pid": self.process.pid})
                self.process.send_signal(signal.SIGKILL)
        elif now >= self._not_before and self._may_start(now):
            self._start(now)

    def end(self, number: signal.Signals) -> None:
        """From now on its death is not news."""
        self._expected = True
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            if self.plan.farewell:
                say(self.plan.ready, self.plan.farewell)

    def _start(self, now: float) -> None:
        self._watch = Watch(Beat(self.plan.beat), now, STARTING - FROZEN)
        self.process = self._made()
        self._started_at, self._waiting_since, self._expected = now, None, False
        log.info("process started", extra={"child": self.plan.name, "pid": self.process.pid})

    def _made(self) -> Process:
        if self._to_adopt:
            adopted, self._to_adopt = Fork.adopted(self._to_adopt), 0
            return adopted
        Beat(self.plan.beat).forget()
        if self.plan.ready:
            Path(self.plan.ready).unlink(missing_ok=True)
        return self._spawn(self.plan)

    def _died(self, code: int, now: float) -> None:
        self.process = None
        if self._expected:
            self._young_deaths, self._not_before = 0, now
            log.info("process ended", extra={"child": self.plan.name})
            return
        self._young_deaths = self._young_deaths + 1 if now - self._started_at < YOUNG else 0
        slower = min(SLOWEST, 2.0 ** (self._young_deaths - 1)) if self._young_deaths > 1 else 0.0
        self._not_before = max(self._started_at + 1.0, now + slower)
        pause = max(0.0, round(self._not_before - now, 1))
        log.error("process died", extra={"child": self.plan.name, **_cause(code), "restart_in": pause})

    def _frozen(self, now: float) -> bool:
        return bool(self.plan.beat) and self._watch.silence(now) > FROZEN

    def _may_start(self, now: float) -> bool:
        """What it needs is there, or will not come."""
        if self._waiting_since is None:
            self._waiting_since = now
        return not self.plan.after or Path(self.plan.after).exists() or now - self._waiting_since > STARTING


class Supervisor:
    """`spawn`: how a process of the plan is made. `beat`: our own sign of life, when somebody watches us in turn.
    `reload_check`: words of a command that must succeed before a SIGHUP restarts anything."""

    def __init__(
        self,
        plans: Sequence[ChildPlan],
        spawn: Spawn = execute,
        beat: str = "",
        patience: float = PATIENCE,
        reload_check: Sequence[str] = (),
    ) -> None:
        self.children = [Child(plan, spawn) for plan in plans]
        self._beat = Beat(beat)
        self._patience = patience
        self._reload_check = tuple(reload_check)

    def run(self) -> None:
        """Until SIGTERM or SIGINT; returns when no child is left."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        while True:
            self._beat.touch()
            for child in self.children:
                child.look(time.monotonic())
            reap_orphans([child.process.pid for child in self.children if child.process is not None])
            got = signal.sigtimedwait(SIGNALS, self._pause())
            if got is not None and got.si_signo in (signal.SIGTERM, signal.SIGINT):
                break
            if got is not None and got.si_signo == signal.SIGHUP:
                self._reload()
        log.info("ending")
        self._end([child for child in self.children if not child.plan.last], self._patience)
        self._end([child for child in self.children if child.plan.last], LAST_PATIENCE)
        log.info("ended")

    def _pause(self) -> float:
        if any(child.waits for child in self.children):
            return SOON
        return WAKE if all(child.alive for child in self.children) else AGAIN

    def _reload(self) -> None:
        """New settings for everybody; a file that does not load changes nothing."""
        if self._reload_check:
            check = subprocess.run(
                self._reload_check, capture_output=True, text=True, timeout=20, check=False
            )
            if check.returncode != 0:
                log.error("settings not reloaded", extra={"error": check.stderr.strip()})
                return
        log.info("settings reloaded")
        for child in self.children:
            if not child.plan.last:
                child.end(signal.SIGTERM)

    def _end(self, children: Sequence[Child], patience: float) -> None:
        deadline = time.monotonic() + patience
        for child in children:
            child.end(signal.SIGTERM)
        while any(child.alive for child in children) and time.monotonic() < deadline:
            signal.sigtimedwait((signal.SIGCHLD,), 0.2)
        for child in children:
            if child.alive:
                log.error(
                    "process killed",
                    extra={"child": child.plan.name, "why": f"alive {patience} s after SIGTERM"},
                )
                child.end(signal.SIGKILL)
            if child.process is not None:
                child.process.wait()


def _cause(code: int) -> dict[str, object]:
    return {"signal": signal.Signals(-code).name} if code < 0 else {"exit_code": code}


def main() -> None:
    """`python -P -m pipeline.supervisor PLAN [CHECK WORDS…]`, as `shipway up` starts it."""
    set_up(os.environ.get("SHIPWAY_LOG_FORMAT", "text"))
    Supervisor(read_plan(Path(sys.argv[1])), reload_check=sys.argv[2:]).run()


if __name__ == "__main__":
    main()
