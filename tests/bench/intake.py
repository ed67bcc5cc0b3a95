"""How many webhooks a second a push of a real size may come in, beside adnanh/webhook and Buildbot; how long one waits at 200/s;
and whether any of 10,000 that were answered is lost or doubled when each process dies. SHIPWAY_BENCH_ROUNDS: default 5."""

import os
import shutil
import signal
import sqlite3
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench import hook_body
from tests.bench.hook_load import HookLoad, Sent
from tests.bench.receivers import (
    Receiver,
    bare,
    buildbot,
    numbers,
    part_of,
    shipway_server,
    shipway_up,
    webhook,
    webhook_waiting,
)
from tests.lab.commands import LabError, say
from tests.lab.needs import install

ROUNDS = int(os.environ.get("SHIPWAY_BENCH_ROUNDS", "5"))
SECONDS = 5.0  # a round
WARM_UP = 2.0
CONNECTIONS = 16
LOOK = 0.1  # seconds
QUIET = 5  # looks in a row at which a contestant used less than a fifth of a core
RATE = 200.0
RATE_SECONDS = 20.0
DELIVERIES = 10_000
KILLED = {"server": 0.15, "scheduler": 0.35, "deliver-1": 0.55, "redis": 0.75}  # at which share of them


@dataclass(frozen=True)
class Round:
    answered: float  # a second
    rate: float  # a second, until what was answered was also done
    median: float  # seconds
    cpu: float  # seconds for each webhook, of all processes
    refused: int


def main() -> int:
    install(("redis-server", "webhook"))
    folder = Path(tempfile.mkdtemp(prefix="shipway-bench-"))
    try:
        rounds, waits, missing = _compared(folder)
        print(_told(rounds, waits, missing))
        print(_synced(folder))
        lost, doubled, text = _killed(folder / "killed")
        print(text)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if lost or doubled else 0


def _compared(folder: Path) -> tuple[dict[str, list[Round]], dict[str, Sent], list[str]]:
    receivers, missing = [], []
    try:
        for make in (shipway_server, webhook, webhook_waiting, buildbot, bare):
            place = folder / make.__name__
            place.mkdir()
            try:
                receivers.append(make(place))
            except LabError as error:
                missing.append(str(error))
        counts = {receiver.name: numbers() for receiver in receivers}
        rounds: dict[str, list[Round]] = {receiver.name: [] for receiver in receivers}
        for _ in range(ROUNDS):
            for receiver in receivers:
                rounds[receiver.name].append(_round(receiver, counts[receiver.name]))
                last = rounds[receiver.name][-1]
                say(f"{receiver.name}: {last.rate:.0f}/s done, {last.answered:.0f}/s answered")
        say(f"{RATE:g} a second; {_moment()}")
        waits = {receiver.name: _at_rate(receiver, counts[receiver.name]) for receiver in receivers[:2]}
    finally:
        for receiver in receivers:
            receiver.stop()
    return rounds, waits, missing


def _moment() -> str:
    return f"at {time.strftime('%H:%M:%S')} with load average {os.getloadavg()[0]:.1f}"


def _round(receiver: Receiver, counting: Iterator[int]) -> Round:
    _load(receiver).run(counting, WARM_UP)
    _at_rest(receiver)
    before = receiver.cpu()
    sent = _load(receiver).run(counting, SECONDS)
    seconds = sent.seconds + _at_rest(receiver)
    done = len(sent.acknowledged)
    cpu = (receiver.cpu() - before) / done
    return Round(sent.rate, done / seconds, sent.share(0.5), cpu, len(sent.waits) - done)


def _at_rest(receiver: Receiver) -> float:
    """Waits until it has done what it answered; gives the seconds that took. adnanh/webhook answers before it runs its
    command: under load thousands of them are left to run, and would run in the next contestant's round."""
    begun = busy = time.monotonic()
    spent, quiet = receiver.cpu(), 0
    while quiet < QUIET:
        time.sleep(LOOK)
        before, spent = spent, receiver.cpu()
        quiet = quiet + 1 if spent - before < LOOK / 5 else 0
        busy = busy if quiet else time.monotonic()
    return busy - begun


def _at_rate(receiver: Receiver, counting: Iterator[int]) -> Sent:
    return _load(receiver, 64).run(counting, RATE_SECONDS, RATE)


def _load(receiver: Receiver, connections: int = CONNECTIONS) -> HookLoad:
    def make(number: int) -> bytes:
        return hook_body.request(number, receiver.path)

    return HookLoad(receiver.port, make, connections)


def _told(rounds: dict[str, list[Round]], waits: dict[str, Sent], missing: list[str]) -> str:
    ours = _middle(rounds["Shipway"])
    lines = [
        f"\nA GitLab push of {hook_body.SIZE // 1024} KB over {CONNECTIONS} kept connections, median of {ROUNDS} rounds of "
        f"{SECONDS:g} s each, in turn; done {_moment()}",
        f"{'':16}{'answered/s':>12}{'done/s':>10}{'of rounds':>16}{'Shipway is':>12}"
        f"{'median ms':>11}{'CPU ms each':>13}{'Shipway takes':>15}",
    ]
    for name, found in rounds.items():
        one, all_rates = _middle(found), sorted(each.rate for each in found)
        span = f"{all_rates[0]:.0f} to {all_rates[-1]:.0f}"
        lines.append(
            f"{name:16}{one.answered:12.1f}{one.rate:10.1f}{span:>16}{ours.rate / one.rate:11.2f}x{one.median * 1000:11.1f}"
            f"{one.cpu * 1000:13.3f}{ours.cpu / one.cpu:14.2f}x"
        )
    for name, sent in waits.items():
        lines.append(
            f"{name}, {RATE:g} a second for {RATE_SECONDS:g} s: median {sent.share(0.5) * 1000:.1f} ms, p99 "
            f"{sent.share(0.99) * 1000:.1f} ms, {len(sent.acknowledged)} of {len(sent.waits)} taken"
        )
    return "\n".join([*lines, *missing])


def _middle(rounds: list[Round]) -> Round:
    """Each figure's own median."""
    figures = ([getattr(one, name) for one in rounds] for name in ("answered", "rate", "median", "cpu"))
    return Round(*map(median, figures), refused=sum(one.refused for one in rounds))


def _synced(folder: Path) -> str:
    """What it costs here that an answer waits for the disk: 16 KB more in a file and their way to it."""
    waits = []
    with (folder / "synced").open("wb", buffering=0) as file:
        for _ in range(300):
            begun = time.perf_counter()
            file.write(b"x" * 16384)
            os.fdatasync(file.fileno())
            waits.append(time.perf_counter() - begun)
    return f"16 KB written and synced to this disk: {median(waits) * 1000:.2f} ms, p99 {sorted(waits)[-3] * 1000:.2f} ms"


# ------------------------------------------------------------------------------------------------ killed


def _killed(folder: Path) -> tuple[int, int, str]:
    """Lost, doubled, and the words for both. What broke off is sent again under its id, as a forge's redelivery is."""
    folder.mkdir()
    receiver = shipway_up(folder)
    try:
        load, left = _load(receiver), deque(range(1, DELIVERIES + 1))
        died: list[str] = []
        killer = threading.Thread(target=_kill_each, args=(receiver, load.sent, died))
        killer.start()
        again = 0
        while left:
            load.run(_drained(left))
            unanswered = set(range(1, DELIVERIES + 1)) - set(load.sent.acknowledged)
            again += len(unanswered)
            left.extend(sorted(unanswered))
            load = _follow(receiver, load)
        killer.join()
    finally:
        receiver.stop()
    lost, doubled = _counted(folder / "data" / "shipway.db")
    text = (
        f"{DELIVERIES} webhooks answered while {', '.join(died)} were killed with -9 one after the other: {again} sent again, "
        f"{lost} lost, {doubled} doubled"
    )
    return lost, doubled, text


def _drained(left: deque[int]) -> Iterator[int]:
    while left:
        yield left.popleft()


def _follow(receiver: Receiver, before: HookLoad) -> HookLoad:
    """The next one goes on with what this one counted."""
    following = _load(receiver)
    following.sent = before.sent
    return following


def _kill_each(receiver: Receiver, sent: Sent, died: list[str]) -> None:
    for name, share in KILLED.items():
        _until(lambda share=share: len(sent.acknowledged) >= share * DELIVERIES)  # type: ignore[misc]
        with suppress(ProcessLookupError):
            os.kill(part_of(receiver, name), signal.SIGKILL)
            died.append(name)
            say(f"killed {name} after {len(sent.acknowledged)} webhooks")


def _until(done: Callable[[], bool]) -> None:
    while not done():
        time.sleep(0.005)


def _counted(database: Path) -> tuple[int, int]:
    """By the books alone: commits without a run or a delivery, and those with more than one."""
    books = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    runs = dict(books.execute("SELECT commit_sha, count(*) FROM runs GROUP BY commit_sha"))
    keys = dict(books.execute("SELECT key, count(*) FROM deliveries GROUP BY key"))
    books.close()
    wanted = [hook_body.commit(number) for number in range(1, DELIVERIES + 1)]
    lost = sum(commit not in runs for commit in wanted)
    doubled = sum(count > 1 for count in (*runs.values(), *keys.values()))
    return lost + abs(len(keys) - DELIVERIES), doubled
