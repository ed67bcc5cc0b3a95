"""HAProxy's runtime state as values: what its master says, and the commands that turn it into what is wanted. Pure.

Each backend has server slots. A new replica takes a free slot; an old one drains in its own until HAProxy itself counts no
session there, then the slot is free again (on a later change). One process variable holds the generation, the shape of the
file, and what the counters of a slot stood at when its present replica took it.
"""

import csv
import re
from dataclasses import dataclass, field

from pipeline.fleet.proxy import Backend, BackendSeen, BackendState, Route

VARIABLE = "proc.shipway"
_FREE = "MAINT"
_DRAIN = "DRAIN"
_DOWN = "DOWN"
_ANSWERS = tuple(f"hrsp_{kind}" for kind in ("1xx", "2xx", "3xx", "4xx", "5xx", "other"))
_FAILED = ("econ", "eresp")  # connections refused; answers cut or never sent
_WINDOW = 1024  # requests over which HAProxy takes its means, at most
_MARKER = re.compile(rf"{re.escape(VARIABLE)}: type=str value=<([^>]*)>")


@dataclass(frozen=True)
class Slot:
    """One server line. `status` as HAProxy says it: MAINT is free, DRAIN finishes, DOWN is held back until it answers,
    everything else serves."""

    backend: str
    name: str
    address: str
    status: str
    sessions: int = 0
    requests: int = 0
    errors: int = 0
    mean: float | None = (
        None  # seconds to the begin of an answer, over the latest requests of the slot, whoever was in it
    )

    @property
    def key(self) -> str:
        return f"{self.backend}/{self.name}"

    @property
    def free(self) -> bool:
        return self.status.startswith(_FREE)

    @property
    def held(self) -> bool:
        return self.status.startswith(_DOWN)

    @property
    def draining(self) -> bool:
        return self.status.startswith(_DRAIN)


@dataclass(frozen=True)
class Marker:
    """What the serving process says it is. `bases`: slot key -> (requests, errors) when its replica was set."""

    generation: int = 0
    shape: str = ""
    bases: dict[str, tuple[int, int]] = field(default_factory=dict)

    def text(self) -> str:
        """Letters, digits and :/|_- only: the command line knows no quotes."""
        bases = "".join(f"|{key}:{one}:{two}" for key, (one, two) in sorted(self.bases.items()))
        return f"{self.generation}:{self.shape or '-'}{bases}"


@dataclass(frozen=True)
class Worker:
    """One process. `pid` 0: the present one."""

    slots: tuple[Slot, ...]
    marker: Marker = Marker()
    pid: int = 0

    def backend(self, name: str) -> tuple[Slot, ...]:
        return tuple(slot for slot in self.slots if slot.backend == name)

    @property
    def prefix(self) -> str:
        return f"@!{self.pid}" if self.pid else "@1"


@dataclass(frozen=True)
class Change:
    """Commands for one worker, without the one that sets the marker. `fits` False: it has not the slots for it."""

    commands: tuple[str, ...]
    bases: dict[str, tuple[int, int]]
    fits: bool = True


def read_marker(text: str) -> Marker:
    found = _MARKER.search(text)
    if not found:
        return Marker()
    head, *rest = found[1].split("|")
    generation, _, shape = head.partition(":")
    bases = {}
    for entry in rest:
        key, _, counts = entry.partition(":")
        one, _, two = counts.partition(":")
        if one.isdigit() and two.isdigit():
            bases[key] = (int(one), int(two))
    return Marker(int(generation) if generation.isdigit() else 0, shape.strip("-"), bases)


def read_slots(text: str) -> tuple[Slot, ...]:
    """The servers of a `show stat`, wherever it stands in an answer."""
    _, mark, table = text.partition("# pxname,")
    if not mark:
        return ()
    lines = ("pxname," + table).splitlines()
    end = next((number for number, line in enumerate(lines) if not line.strip()), len(lines))
    rows = list(csv.DictReader(lines[:end]))
    servers = [row for row in rows if row["svname"] not in ("FRONTEND", "BACKEND")]
    whole = {row["pxname"]: row for row in rows if row["svname"] == "BACKEND"}
    return tuple(_slot(row, _made(row, servers, whole.get(row["pxname"], {}))) for row in servers)


def old_pids(text: str) -> tuple[int, ...]:
    """Processes under `# old workers` of a `show proc`."""
    _, _, rest = text.partition("# old workers")
    pids = []
    for line in rest.splitlines()[1:]:
        words = line.split()
        if len(words) < 2 or not words[0].isdigit():
            break
        pids.append(int(words[0]))
    return tuple(pids)


def change(worker: Worker, routes: tuple[Route, ...]) -> Change:
    """New replicas become ready before old ones drain: at no moment is a backend without a server that it had."""
    ready: list[str] = []
    drain: list[str] = []
    bases = dict(worker.marker.bases)
    used: set[str] = set()
    fits = True
    for route in routes:
        slots = worker.backend(route.name)
        free = _free_slots(slots, route)
        serving = {slot.address: slot for slot in slots if not slot.free}
        for backend in route.backends:
            slot = serving.get(backend.address)
            if backend.state is not BackendState.READY:
                continue
            if slot is not None:
                ready += _admit(slot) if slot.draining else []
            elif free:
                taken = free.pop(0)
                ready += _take(taken, backend)
                bases[taken.key] = (taken.requests, taken.errors)
                used.add(taken.key)
            else:
                fits = False
        drain += _leave(slots, route)
        used |= {slot.key for slot in slots if not slot.free}
    kept = {key: counts for key, counts in bases.items() if key in used and any(counts)}
    return Change((*ready, *drain), kept, fits)


def trusted(worker: Worker, routes: tuple[Route, ...], before: Worker) -> tuple[str, ...]:
    """A reload asks all replicas anew; those that had their requests from the process before it, or were admitted just
    now, keep them whatever they answer. One that it held back has yet to show itself."""
    ready = {(route.name, address) for route in routes for address in route.ready} - held(before)
    return tuple(_well(slot) for slot in worker.slots if (slot.backend, slot.address) in ready)


def held(worker: Worker) -> frozenset[tuple[str, str]]:
    """Backend and address of those that have not answered it yet."""
    return frozenset((slot.backend, slot.address) for slot in worker.slots if slot.held)


def seen(current: Worker, old: tuple[Worker, ...]) -> tuple[BackendSeen, ...]:
    """By address. Ready when any process still gives it new requests; sessions of all processes together."""
    found: dict[str, BackendSeen] = {}
    for worker in (current, *old):
        for slot in worker.slots:
            if slot.free:
                continue
            base = worker.marker.bases.get(slot.key, (0, 0))
            mine = BackendSeen(
                slot.address,
                BackendState.DRAIN if slot.draining else BackendState.READY,
                slot.sessions,
                max(0, slot.requests - base[0]),
                max(0, slot.errors - base[1]),
                slot.mean if not base[0] or slot.requests - base[0] >= _WINDOW else None,
                slot.held,
            )
            found[slot.address] = _merged(found.get(slot.address), mine)
    return tuple(found[address] for address in sorted(found))


def _made(server: dict[str, str], servers: list[dict[str, str]], whole: dict[str, str]) -> int:
    """The 502, 503 and 504 that HAProxy itself gave to users for this server. It counts them for the backend only, and a
    server's failed tries (3.2: each one, 2.6: the last of a request), which is how they are shared out here."""
    mine = [row for row in servers if row["pxname"] == server["pxname"]]
    made = _sum(whole, "hrsp_5xx") - sum(_sum(row, "hrsp_5xx") for row in mine)
    tries, all_tries = _sum(server, *_FAILED), sum(_sum(row, *_FAILED) for row in mine)
    return min(tries, round(max(0, made) * tries / all_tries)) if all_tries else 0


def _slot(row: dict[str, str], made: int) -> Slot:
    return Slot(
        backend=row["pxname"],
        name=row["svname"],
        address=row["addr"],
        status=row["status"],
        sessions=int(row["scur"] or 0),
        requests=_sum(row, *_ANSWERS) + made,
        errors=_sum(row, "hrsp_5xx") + made,
        mean=int(row["rtime"]) / 1000 if row.get("rtime") and _sum(row, *_ANSWERS) else None,
    )


def _sum(row: dict[str, str], *names: str) -> int:
    return sum(int(row.get(name) or 0) for name in names)


def _free_slots(slots: tuple[Slot, ...], route: Route) -> list[Slot]:
    """Those never used first; then those whose replica has drained."""
    wanted = {backend.address for backend in route.backends}
    free = [slot for slot in slots if slot.free]
    done = [slot for slot in slots if slot.draining and not slot.sessions and slot.address not in wanted]
    return sorted(free, key=lambda slot: slot.requests) + done


def _take(slot: Slot, backend: Backend) -> list[str]:
    ip, _, port = backend.address.rpartition(":")
    first = [] if slot.free else [f"set server {slot.key} state maint"]
    return [*first, f"set server {slot.key} addr {ip} port {port}", *_admit(slot)]


def _admit(slot: Slot) -> list[str]:
    """It has passed its gate: it serves at once, whatever HAProxy's own first check would find."""
    return [f"set server {slot.key} state ready", _well(slot)]


def _leave(slots: tuple[Slot, ...], route: Route) -> list[str]:
    """A slot that drains without sessions is not put to maintenance here: it may be taken in this very change."""
    leaving = [s for s in slots if not s.free and not s.draining and s.address not in route.ready]
    return [command for slot in leaving for command in _drain(slot)]


def _drain(slot: Slot) -> list[str]:
    """HAProxy says DOWN, and not DRAIN, of one that it held back."""
    first = [f"set server {slot.key} state drain"]
    return [*first, _well(slot)] if slot.held else first


def _well(slot: Slot) -> str:
    return f"set server {slot.key} health up"


def _merged(one: BackendSeen | None, two: BackendSeen) -> BackendSeen:
    if one is None:
        return two
    ready = BackendState.READY in (one.state, two.state)
    return BackendSeen(
        two.address,
        BackendState.READY if ready else BackendState.DRAIN,
        (one.sessions or 0) + (two.sessions or 0),
        (one.requests or 0) + (two.requests or 0),
        (one.errors or 0) + (two.errors or 0),
        two.mean if one.mean is None else one.mean,
        one.held,
    )
