"""The short road of webhooks on our own server: from a body that is here in full to its answer, with no framework between.

A webhook is proved on the server's own loop, and costs no thread while it waits for the disk; a large one is read by a
thread. Workers are woken beside it. Answers what the route in `hooks` answers, which serves under other servers.
"""

import asyncio
import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from pipeline.errors import RunnerError
from pipeline.intake.inbox import ANSWER_WITHIN, NewDelivery, Received, not_written
from pipeline.intake.receive import proved, settled
from pipeline.ports import Ports
from pipeline.web.app import HEADERS, guarded, log_request, request_id_of
from pipeline.web.hooks import Answered, counting
from pipeline.web.metrics import Figures

PATH = re.compile(r"/hooks/([^/]+)")
ROUTE = "/hooks/{forge}"
SMALL = 128 * 1024  # bytes; read within a millisecond
MOST_HASHED = 2 * 1024 * 1024  # bytes: a webhook of no project is proved with the secret of each service
BREATH = 0.05  # seconds between two wakes of one place: a worker needs as long to take the first


@dataclass(frozen=True)
class Letter:
    """A webhook as it came; names of headers are lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def forge(self) -> str:
        return self.path.rpartition("/")[2]


class HookLine:
    """All webhooks of one server."""

    def __init__(self, ports: Ports, figures: Figures) -> None:
        self._ports = ports
        self._figures = figures
        self._readers = ThreadPoolExecutor(2, "shipway-hook")
        self._bells = Bells(ports)

    def takes(self, scope: Mapping[str, Any]) -> bool:
        return scope["method"] == "POST" and PATH.fullmatch(scope["path"]) is not None

    async def answer(
        self, scope: Mapping[str, Any], headers: list[tuple[bytes, bytes]], body: bytes
    ) -> Answered:
        letter, begun = Letter(scope["path"], _joined(headers), body), time.monotonic()
        request_id = request_id_of(letter.headers.get("x-request-id", ""))
        given = await guarded(self._received(letter), letter.path, request_id)
        seconds = time.monotonic() - begun
        self._figures.request("POST", ROUTE, given.status, seconds)
        log_request("POST", letter.path, given.status, seconds, request_id)
        sent = {**HEADERS, **given.headers, "X-Request-Id": request_id}
        return replace(given, headers=sent | {"Content-Length": str(len(given.content))})

    def close(self) -> None:
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._bells.close()

    @property
    def busy(self) -> int:
        return self._bells.busy

    async def _received(self, letter: Letter) -> Answered:
        with counting(letter.forge, self._ports, self._figures) as answer:
            delivery = await self._proved(letter)
            received = settled(await self._written(delivery), delivery)
            self._bells.ring(received, delivery)
            return answer(received)

    async def _proved(self, letter: Letter) -> NewDelivery:
        hashed = len(letter.body) * len(self._ports.settings.services)
        if len(letter.body) <= SMALL and hashed <= MOST_HASHED:
            return proved(letter.forge, letter.headers, letter.body, self._ports)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._readers, proved, letter.forge, letter.headers, letter.body, self._ports
        )

    async def _written(self, delivery: NewDelivery) -> Received:
        loop = asyncio.get_running_loop()
        written: asyncio.Future[Received] = loop.create_future()

        def tell(outcome: Received | BaseException) -> None:
            if written.done():
                return  # its sender was told to come again
            if isinstance(outcome, BaseException):
                written.set_exception(outcome)
            else:
                written.set_result(outcome)

        def then(outcome: Received | BaseException) -> None:
            with suppress(RuntimeError):  # the loop has ended, and its sender with it
                loop.call_soon_threadsafe(tell, outcome)

        self._ports.inbox.receive_later(delivery, then)
        try:
            return await asyncio.wait_for(written, ANSWER_WITHIN)
        except TimeoutError:
            raise not_written(ANSWER_WITHIN) from None


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


def _joined(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """One that comes twice is one with a comma, as everywhere."""
    found: dict[str, str] = {}
    for raw, value in headers:
        name, text = raw.decode("latin1"), value.decode("latin1")
        found[name] = f"{found[name]},{text}" if name in found else text
    return found
