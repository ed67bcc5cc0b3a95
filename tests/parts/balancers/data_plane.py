"""A real load balancer on loopback that a fake of a cloud's API drives: it checks health and forwards bytes, so that lost
requests can be counted. Its own API can be ahead of it: `Manner.late`."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

INITIAL, HEALTHY, UNHEALTHY, DRAINING = "initial", "healthy", "unhealthy", "draining"


@dataclass
class Manner:
    """How one pool behaves. Seconds."""

    path: str = "/healthz"
    interval: float = 0.1
    timeout: float = 1.0  # of one check; below 0.5 s a loaded machine is enough to fail it
    rise: int = 2
    first_rise: int = 2  # ALB: one good check makes a new target healthy
    fall: int = 2
    late: float = 0.0  # from the API's 200 to the data path obeying
    checks_parked: bool = True  # else one whose weight was 0 is found healthy anew
    fail_open: bool = False  # with nobody healthy, everybody gets requests


@dataclass(eq=False)
class Place:
    """A member, as the data path has it."""

    key: str
    address: tuple[str, int]
    weight: int = 100
    state: str = INITIAL
    good: int = 0
    bad: int = 0
    turn: int = 0  # smooth weighted round robin
    served: int = 0
    last: float = 0.0  # when it was last given a request
    inflight: set["asyncio.Task[bool]"] = field(default_factory=set)


class Pool:
    """One entrance. Everything but `add`, `weigh`, `drop` and reading runs in the plane's thread."""

    def __init__(self, plane: "Plane", manner: Manner) -> None:
        self.plane = plane
        self.manner = manner
        self.places: dict[str, Place] = {}
        self.port = 0
        self._server: asyncio.Server | None = None
        self._checks: asyncio.Task[None] | None = None
        self._open: set[asyncio.StreamWriter] = set()

    # ------------------------------------------------------------------------------------------------ control

    def add(self, key: str, address: tuple[str, int], weight: int = 100) -> None:
        self._later(lambda: self.places.__setitem__(key, Place(key, address, weight)))

    def weigh(self, key: str, weight: int) -> None:
        def act() -> None:
            place = self.places.get(key)
            if place is None:
                return
            if weight and not place.weight and not self.manner.checks_parked:
                place.state, place.good, place.bad = INITIAL, 0, 0
            place.weight = weight

        self._later(act)

    def drop(self, key: str, drain: float = 0.0) -> None:
        """With no drain, requests under way are cut."""

        def act() -> None:
            place = self.places.get(key)
            if place is None:
                return
            place.state = DRAINING
            self.plane.loop.call_later(drain, self._cut, place) if drain else self._cut(place)

        self._later(act)

    def state(self, key: str) -> str:
        """As the API tells it: a place that the data path does not have yet is a new one."""
        place = self.places.get(key)
        return place.state if place else INITIAL

    def _later(self, act: Callable[[], None]) -> None:
        loop = self.plane.loop
        loop.call_soon_threadsafe(lambda: loop.call_later(self.manner.late, act))

    def _cut(self, place: Place) -> None:
        if self.places.get(place.key) is place:
            del self.places[place.key]
        for task in list(place.inflight):
            task.cancel()

    # ------------------------------------------------------------------------------------------------ life

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self._checks = asyncio.ensure_future(self._check_all())

    async def close(self) -> None:
        assert self._server
        assert self._checks
        self._server.close()
        self._checks.cancel()
        for writer in list(self._open):
            writer.close()
        await asyncio.gather(self._checks, return_exceptions=True)

    # ------------------------------------------------------------------------------------------------ health

    async def _check_all(self) -> None:
        while True:
            await asyncio.gather(*(self._check(place) for place in list(self.places.values())))
            await asyncio.sleep(self.manner.interval)

    async def _check(self, place: Place) -> None:
        try:
            well = await asyncio.wait_for(self._ask(place), self.manner.timeout)
        except (OSError, TimeoutError):
            well = False
        place.good, place.bad = (place.good + 1, 0) if well else (0, place.bad + 1)
        needed = self.manner.first_rise if place.state == INITIAL else self.manner.rise
        if place.state == DRAINING:
            return
        if place.good >= needed:
            place.state = HEALTHY
        elif place.bad >= self.manner.fall:
            place.state = UNHEALTHY

    async def _ask(self, place: Place) -> bool:
        reader, writer = await asyncio.open_connection(*place.address)
        try:
            writer.write(f"GET {self.manner.path} HTTP/1.0\r\nHost: check\r\n\r\n".encode())
            await writer.drain()
            return (await reader.readline()).split()[1:2] == [b"200"]
        finally:
            writer.close()

    # ------------------------------------------------------------------------------------------------ requests

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(_length(head))
                if not await self._one(head, body, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client went away
        finally:
            self._open.discard(writer)
            writer.close()

    async def _one(self, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> bool:
        """True when the client's connection stays open."""
        place = self._pick()
        if place is None:
            return await _say(writer, b"503 No Backend")
        place.last = time.monotonic()
        task = asyncio.ensure_future(self._forward(place, head, body, writer))
        place.inflight.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            await _say(writer, b"502 Backend Removed")
            return False
        finally:
            place.inflight.discard(task)

    def _pick(self) -> Place | None:
        open_ = [one for one in self.places.values() if one.weight > 0 and one.state != DRAINING]
        live = [one for one in open_ if one.state == HEALTHY] or (open_ if self.manner.fail_open else [])
        if not live:
            return None
        for one in live:
            one.turn += one.weight
        chosen = max(live, key=lambda one: one.turn)
        chosen.turn -= sum(one.weight for one in live)
        return chosen

    async def _forward(self, place: Place, head: bytes, sent: bytes, writer: asyncio.StreamWriter) -> bool:
        try:
            answer = await _exchange(place.address, head, sent)
        except OSError:
            return await _say(writer, b"502 Bad Gateway")
        if not answer:
            return await _say(writer, b"502 No Answer")
        start, _, body = answer.partition(b"\r\n\r\n")
        kept = [line for line in start.split(b"\r\n") if not line.lower().startswith(_HOP)]
        kept += [b"X-Backend: " + place.key.encode(), b"Content-Length: %d" % len(body)]
        writer.write(b"\r\n".join(kept) + b"\r\n\r\n" + body)
        await writer.drain()
        place.served += 1
        return True


_HOP = (b"connection:", b"content-length:")


def _length(head: bytes) -> int:
    """Of the request's body. Chunked ones are not spoken here."""
    lines = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(lines[0].partition(b":")[2]) if lines else 0


async def _exchange(address: tuple[str, int], head: bytes, body: bytes) -> bytes:
    """A connection for each request, so that none is lost on one that the other side closes."""
    reader, writer = await asyncio.wait_for(asyncio.open_connection(*address), 2)
    try:
        lines = [line for line in head.rstrip().split(b"\r\n") if not line.lower().startswith(b"connection:")]
        writer.write(b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body)
        await writer.drain()
        return await reader.read(-1)
    finally:
        writer.close()


async def _say(writer: asyncio.StreamWriter, status: bytes) -> bool:
    writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()
    return True


class Plane:
    """The thread in which pools live."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.pools: dict[str, Pool] = {}
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def pool(self, name: str, manner: Callable[[], Manner] = Manner) -> Pool:
        """The one of this name, made when it is first asked for."""
        if name not in self.pools:
            made = Pool(self, manner())
            asyncio.run_coroutine_threadsafe(made.open(), self.loop).result(10)
            self.pools[name] = made
        return self.pools[name]

    def close(self) -> None:
        for pool in self.pools.values():
            asyncio.run_coroutine_threadsafe(pool.close(), self.loop).result(10)
        asyncio.run_coroutine_threadsafe(_finish(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


async def _finish() -> None:
    """What is still under way ends before the loop does."""
    mine = asyncio.current_task()
    rest = [task for task in asyncio.all_tasks() if task is not mine]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
