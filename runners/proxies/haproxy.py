"""HAProxy on a site: runtime commands while the file keeps its shape (0 requests lost), a checked reload when it changes.

The file is put at every change as well, since runtime state dies with the process. Old processes that still hold
connections after a reload are told of every change too, so that none of them sends requests to a replica that is leaving.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from types import MappingProxyType

from pipeline.errors import Unreachable
from pipeline.fleet.proxy import Route, SiteSeen, SiteWanted
from runners.fence import outdated
from runners.proxies.container import FOLDER, INSIDE, Recipe, SiteContainer
from runners.proxies.runtime import (
    VARIABLE,
    Marker,
    Worker,
    change,
    held,
    old_pids,
    read_marker,
    read_slots,
    seen,
    trusted,
)
from runners.render import render

MASTER = 9998
_FILE = "haproxy.cfg"
_LIVE = f"{FOLDER}/{_FILE}"
RECIPE = Recipe(
    file=_FILE,
    run=("haproxy", "-W", "-db", "-S", f"ipv4@127.0.0.1:{MASTER}", "-f", _LIVE),
    check=("haproxy", "-c", "-f", _LIVE),
    stop_signal="SIGUSR1",
)
_SPARE = 16  # slots of a backend at least
_LINE = 8000  # bytes of commands in one exchange; HAProxy's buffer holds 16384
_PROOF = 15.0  # seconds for a new process to serve
_PAUSE = 0.1


def serve(site: SiteContainer, wanted: SiteWanted) -> None:
    workers = _read(site)
    current, old = workers[0], workers[1:]
    _refuse_older(site, wanted, current.marker)
    plan = change(current, wanted.routes)
    text, shape = _text(wanted, current, plan.fits)
    tellable = shape == current.marker.shape and plan.fits
    if tellable and not plan.commands and current.marker.generation == wanted.generation:
        _tell_old(site, old, wanted)
        return
    if tellable:
        site.accept(text)
        _tell(site, current, plan.commands, Marker(wanted.generation, shape, plan.bases), wanted)
    else:
        old = _renew(site, wanted, current, plan.fits)
    _tell_old(site, old, wanted)
    _prove(site, wanted)


def _renew(site: SiteContainer, wanted: SiteWanted, current: Worker, fits: bool) -> list[Worker]:
    """Another process, which holds from its first moment on whom the present one holds; answers the earlier ones."""
    states = _states(wanted, held(current))
    name = f"states.{wanted.generation}" if states else ""
    text, shape = _text(wanted, current, fits, name)
    if states:
        site.put(site.name, name, states)
    site.accept(text)
    _reload(site, wanted, shape)
    fresh, *old = _read(site)
    commands = trusted(fresh, wanted.routes, current)
    _tell(site, fresh, commands, Marker(wanted.generation, shape, fresh.marker.bases), wanted)
    return old


def begin(site: SiteContainer, wanted: SiteWanted) -> None:
    text, shape = _text(wanted, Worker(()), True)
    site.begin(text)
    _await(site, wanted, shape)


def text_for(site: SiteContainer, wanted: SiteWanted, running: bool) -> str:
    current = _read(site)[0] if running else Worker(())
    return _text(wanted, current, not running or change(current, wanted.routes).fits)[0]


def look(site: SiteContainer) -> SiteSeen:
    workers = _read(site)
    current, old = workers[0], workers[1:]
    readable = tuple(worker for worker in old if worker.slots)
    stale = [worker for worker in readable if _ready(worker) - _ready(current)]
    return SiteSeen(
        site.site,
        running=True,
        generation=current.marker.generation,
        backends=seen(current, readable),
        old_workers=len(old) - len(readable) + len(stale),
    )


def _read(site: SiteContainer) -> list[Worker]:
    """The present process first, then those of earlier files. Two exchanges only while there are such."""
    text = _ask(site, ["show proc", "@1 show stat", f"@1 get var {VARIABLE}"])
    workers = [Worker(read_slots(text), read_marker(text))]
    for pid in old_pids(text):
        said = _ask(site, [f"@!{pid} show stat", f"@!{pid} get var {VARIABLE}"])
        workers.append(Worker(read_slots(said), read_marker(said), pid))
    return workers


def _text(wanted: SiteWanted, current: Worker, fits: bool, states: str = "") -> tuple[str, str]:
    """The file, and the shape of it: all but the generation and the addresses, which the running process can be told.
    `states`: name of the file that says who begins as down."""
    slots = {
        route.name: _slot_names(route, len(current.backend(route.name)), fits) for route in wanted.routes
    }
    blank = _render(wanted, slots, 0, "-")
    shape = hashlib.sha256(blank.encode()).hexdigest()[:12]
    marker = Marker(wanted.generation, shape).text()
    ready = {route.name: sorted(route.ready) for route in wanted.routes}
    return _render(wanted, slots, wanted.generation, marker, ready, states), shape


def _slot_names(route: Route, now: int, fits: bool) -> list[str]:
    """As many as there are while they do: another number is another shape, and means a reload."""
    count = now if now and fits else max(_SPARE, now, 4 * len(route.backends))
    return [f"s{number}" for number in range(1, count + 1)]


def _render(
    wanted: SiteWanted,
    slots: dict[str, list[str]],
    generation: int,
    marker: str,
    ready: Mapping[str, Sequence[str]] = MappingProxyType({}),
    states: str = "",
) -> str:
    routes = []
    for route in wanted.routes:
        pairs = zip_longest(slots[route.name], ready.get(route.name, ()), fillvalue="")
        lines = [{"name": name, "address": address} for name, address in pairs]
        routes.append({"name": route.name, "domain": route.domain, "health": route.health, "slots": lines})
    default = next((route.name for route in wanted.routes if not route.domain), "shipway-unknown")
    return render(
        "haproxy/haproxy.cfg.j2",
        site=str(wanted.site),
        generation=generation,
        marker=marker,
        port=INSIDE,
        routes=routes,
        default=default,
        states=f"{FOLDER}/{states}" if states else "",
    )


def _states(wanted: SiteWanted, held: frozenset[tuple[str, str]]) -> str:
    """What HAProxy believes of these when it begins with the file; empty: all begin as up. Slots as the file has them."""
    lines = []
    for route in wanted.routes:
        for number, address in enumerate(sorted(route.ready), 1):
            ip, _, port = address.rpartition(":")
            if (route.name, address) in held:
                lines.append({"backend": route.name, "slot": f"s{number}", "ip": ip, "port": port})
    return render("haproxy/states.j2", servers=lines) if lines else ""


def _tell(
    site: SiteContainer, worker: Worker, commands: Sequence[str], marker: Marker, wanted: SiteWanted
) -> None:
    """All of it in as few exchanges as fit; the marker last, so that it never promises what was not done. Nothing, when
    the host has a newer generation."""
    lines = [f"{worker.prefix} {command}" for command in commands]
    lines += ["experimental-mode on", f"{worker.prefix} set var {VARIABLE} str({marker.text()})"]
    batch: list[str] = []
    for line in lines:
        if sum(len(one) + 1 for one in batch) + len(line) > _LINE:
            _ask(site, batch, wanted.generation)
            batch = []
        batch.append(line)
    _ask(site, batch, wanted.generation)


def _tell_old(site: SiteContainer, old: Sequence[Worker], wanted: SiteWanted) -> None:
    """One without the slots is left as it is: it keeps answering, and `look` counts it until it is gone."""
    for worker in old:
        plan = change(worker, tuple(route for route in wanted.routes if worker.backend(route.name)))
        if plan.fits and plan.commands:
            marker = Marker(worker.marker.generation, worker.marker.shape, plan.bases)
            _tell(site, worker, plan.commands, marker, wanted)


def _reload(site: SiteContainer, wanted: SiteWanted, shape: str) -> None:
    since = int(time.time())
    site.signal("SIGUSR2")
    try:
        _await(site, wanted, shape)
    except Unreachable as error:
        said = " ".join(line for line in site.said(since).splitlines() if "ALERT" in line)
        site.take_back(wanted.generation)
        site.signal("SIGUSR2")
        raise site.refusal(f"it was checked, but the reload was ignored. {said or error}") from error


def _await(site: SiteContainer, wanted: SiteWanted, shape: str) -> None:
    """Until the present process is one of this generation. While HAProxy starts anew nobody answers on its control port."""
    deadline = time.monotonic() + _PROOF
    why = ""
    while time.monotonic() < deadline:
        try:
            marker = _read(site)[0].marker
        except Unreachable as error:
            why = str(error)
        else:
            _refuse_older(site, wanted, marker)
            if (marker.generation, marker.shape) == (wanted.generation, shape):
                return
            why = f"it still serves generation {marker.generation}"
        time.sleep(_PAUSE)
    raise Unreachable(
        f"Proxy {site.site}: generation {wanted.generation} was not served within {_PROOF:g} s: {why}."
    )


def _prove(site: SiteContainer, wanted: SiteWanted) -> None:
    current = _read(site)[0]
    _refuse_older(site, wanted, current.marker)
    missing = {
        f"{route.name} {address}"
        for route in wanted.routes
        for address in route.ready ^ _ready_of(current, route.name)
    }
    if current.marker.generation != wanted.generation or missing:
        raise Unreachable(
            f"Proxy {site.site}: generation {current.marker.generation} is served in place of {wanted.generation}; "
            f"different: {', '.join(sorted(missing)) or 'nothing else'}. It is tried again."
        )


def _ready(worker: Worker) -> frozenset[str]:
    return frozenset(slot.address for slot in worker.slots if not slot.free and not slot.draining)


def _ready_of(worker: Worker, backend: str) -> frozenset[str]:
    return _ready(Worker(worker.backend(backend)))


def _refuse_older(site: SiteContainer, wanted: SiteWanted, marker: Marker) -> None:
    if marker.generation > wanted.generation:
        raise outdated(site.site, wanted.generation, marker.generation)


def _ask(site: SiteContainer, commands: Sequence[str], generation: int | None = None) -> str:
    answer = site.ask(MASTER, (";".join([*commands, "quit"]) + "\n").encode(), generation)
    if answer.error and not answer.data:
        raise Unreachable(f"Proxy {site.site}: its control port does not answer: {answer.error}.")
    return answer.data.decode(errors="replace")
