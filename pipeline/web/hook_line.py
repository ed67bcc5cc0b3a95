"""The short road of webhooks on our own server: from a body that is here in full to its answer, with no framework between.

A webhook is proved on the server's own loop, and costs neither thread nor task while it waits for the disk; a large one is
read by a thread. Workers are woken beside it. Answers what the route in `hooks` answers, which serves under other servers.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from pipeline.errors import RunnerError
from pipeline.intake.inbox import ANSWER_WITHIN, NewDelivery, Received, not_written
from pipeline.intake.receive import proved, settled
from pipeline.ports import Ports
from pipeline.web.app import HEADERS, guarded, log_request, request_id_of
from pipeline.web.hooks import Answered, answered, refused
from pipeline.web.metrics import Figures

PATH = re.compile(r"/hooks/([^/]+)")
ROUTE = "/hooks/{forge}"
SMALL = 128 * 1024  # bytes; read within a millisecond
MOST_HASHED = 2 * 1024 * 1024  # bytes: a webhook of no project is proved with the secret of each service
MOST_AT_ONCE = 2 * 1024 * 1024  # bytes of bodies: packed and written within some milliseconds
BREATH = 0.05  # seconds between two wakes of one place: a worker needs as long to take the first

Reply = Callable[[Answered], None]


@dataclass(frozen=True)
class Letter:
    """A webhook as it came; names of headers are lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def forge(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(eq=False)
class Visit:
    """A letter on its way to its answer; `patience` runs while it is being written."""

    letter: Letter
    reply: Reply
    request_id: str
    begun: float
    delivery: NewDelivery | None = None
    patience: asyncio.TimerHandle | None = None
    over: bool = False


class HookLine:
    """All webhooks of one server."""

    def __init__(self, ports: Ports, figures: Figures) -> None:
        self._ports = ports
        self._figures = figures
        self._readers = ThreadPoolExecutor(2, "shipway-hook")
        self._bells = Bells(ports)
        self._proved: list[tuple[Visit, NewDelivery]] = []
        self._written: deque[tuple[Visit, Received | BaseException]] = deque()
        self._telling = False

    async def answer(self, letter: Letter) -> Answered:
        reply: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self.take(letter, lambda given: None if reply.done() else reply.set_result(given))
        return await reply

    def take(self, letter: Letter, reply: Reply) -> None:
        """From the loop, where `reply` is called once."""
        request_id = request_id_of(letter.headers.get("x-request-id", ""))
        visit = Visit(letter, reply, request_id, time.monotonic())
        self._step(visit, lambda: self._take(visit))

    def _take(self, visit: Visit) -> None:
        letter = visit.letter
        hashed = len(letter.body) * len(self._ports.settings.services)
        read = partial(proved, letter.forge, letter.headers, letter.body, self._ports)
        if len(letter.body) <= SMALL and hashed <= MOST_HASHED:
            self._write(visit, read())
        else:
            reading = asyncio.get_running_loop().run_in_executor(self._readers, read)
            reading.add_done_callback(lambda done: self._read(visit, done))

    def close(self) -> None:
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._bells.close()

    @property
    def busy(self) -> int:
        return self._bells.busy

    def _read(self, visit: Visit, done: "asyncio.Future[NewDelivery]") -> None:
        if not done.cancelled():
            self._step(visit, lambda: self._write(visit, done.result()))

    def _write(self, visit: Visit, delivery: NewDelivery) -> None:
        visit.delivery = delivery
        self._proved.append((visit, delivery))
        if len(self._proved) == 1:
            asyncio.get_running_loop().call_soon(self._store)

    def _store(self) -> None:
        """All that this turn of the loop has read, in one transaction."""
        together, self._proved = self._proved, []
        outcomes: Sequence[Received] | None = None
        try:
            if sum(len(delivery.body) for _, delivery in together) <= MOST_AT_ONCE:
                outcomes = self._ports.inbox.receive_at_once([delivery for _, delivery in together])
        finally:  # also of an error that nobody expected: the writer meets it again, and it becomes the answers
            if outcomes is None:
                for visit, delivery in together:
                    self._step(visit, partial(self._store_later, visit, delivery))
        for (visit, _), outcome in zip(together, outcomes or (), strict=False):
            self._step(visit, partial(self._settle, visit, outcome))

    def _store_later(self, visit: Visit, delivery: NewDelivery) -> None:
        loop = asyncio.get_running_loop()

        def then(outcome: Received | BaseException) -> None:
            """From the writer's thread; the loop is woken once for all that was written together."""
            self._written.append((visit, outcome))
            if not self._telling:
                self._telling = True
                with suppress(RuntimeError):  # the loop has ended, and its sender with it
                    loop.call_soon_threadsafe(self._tell)

        visit.patience = loop.call_later(ANSWER_WITHIN, self._expire, visit)
        self._ports.inbox.receive_later(delivery, then)

    def _tell(self) -> None:
        self._telling = False  # before we look: what comes from now on wakes us again
        while self._written:
            visit, outcome = self._written.popleft()
            if not visit.over:  # else its sender was told to come again
                self._step(visit, partial(self._settle, visit, outcome))

    def _settle(self, visit: Visit, outcome: Received | BaseException) -> None:
        assert visit.delivery is not None  # noqa: S101 it was written
        if isinstance(outcome, BaseException):
            raise outcome
        received = settled(outcome, visit.delivery)
        self._bells.ring(received, visit.delivery)
        self._end(visit, answered(visit.letter.forge, received, self._ports, self._figures))

    def _expire(self, visit: Visit) -> None:
        self._step(visit, partial(self._settle, visit, not_written(ANSWER_WITHIN)))

    def _step(self, visit: Visit, work: Callable[[], None]) -> None:
        """What goes wrong in it is the answer."""
        guarded(work, visit.letter.path, visit.request_id, partial(self._refuse, visit))

    def _refuse(self, visit: Visit, given: Answered) -> None:
        refused(visit.letter.forge, given.status, self._ports, self._figures)
        self._end(visit, given)

    def _end(self, visit: Visit, given: Answered) -> None:
        visit.over = True
        if visit.patience is not None:
            visit.patience.cancel()
        seconds = time.monotonic() - visit.begun
        self._figures.request("POST", ROUTE, given.status, seconds)
        log_request("POST", visit.letter.path, given.status, seconds, visit.request_id)
        sent = {**HEADERS, **given.headers, "X-Request-Id": visit.request_id}
        sent["Content-Length"] = str(len(given.content))
        visit.reply(Answered(given.status, given.content, sent))


class Bells:
    """Wakes workers, one wake for all that came for a place within a breath. One that is lost the scheduler makes good."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._waiting: dict[tuple[str, str], int] = {}
        self._thread = ThreadPoolExecutor(1, "shipway-bell")
        self._ringing: asyncio.Task[None] | None = None
        self.busy = 0  # threads that ring

    def ring(self, received: Received, delivery: NewDelivery) -> None:
        """From the loop."""
        if len(received.runs) == len(delivery.runs):
            places = ((run.service, run.environment) for run in delivery.runs)
            pairs = zip(places, received.runs, strict=True)
            self._waiting |= {place: run for place, run in pairs if run in received.fresh}
        else:
            self._waiting |= {("", str(run)): run for run in received.fresh}
        if self._waiting and self._ringing is None:
            self._ringing = asyncio.create_task(self._ring())

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _ring(self) -> None:
        loop = asyncio.get_running_loop()
        with suppress(RuntimeError):  # the thread was told to end
            while self._waiting:
                runs, self._waiting = list(self._waiting.values()), {}
                await loop.run_in_executor(self._thread, self._wake, runs)
                await asyncio.sleep(BREATH)
        self._ringing = None

    def _wake(self, runs: list[int]) -> None:
        self.busy = 1
        with suppress(RunnerError):
            for run in runs:
                self._ports.queue.wake_run(run, new=True)
        self.busy = 0


def joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """One that comes twice is one with a comma, as everywhere; without names that WSGI cannot tell apart."""
    found: dict[str, str] = {}
    for raw, value in headers:
        if b"_" not in raw:
            name, text = raw.decode("latin1"), value.decode("latin1")
            found[name] = f"{found[name]},{text}" if name in found else text
    return found
