"""nginx on a site: every change is a checked file and a reload that is proved to be served.

nginx cannot say how many requests a replica has: an old replica is idle when no process of an earlier file is left.
Before 1.27.4 a reload drops requests on idle connections; such an image gets no keep-alive towards clients, and a warning.
"""

import hashlib
import logging
import time
from functools import cache

from pipeline.errors import ConfigRefused, Unreachable
from pipeline.fleet.proxy import BackendSeen, BackendState, Site, SiteSeen, SiteWanted
from runners.fence import outdated
from runners.proxies.container import INSIDE, Recipe, SiteContainer
from runners.proxies.counting import NOTHING, SEEN, counted, upstream
from runners.render import render

log = logging.getLogger(__name__)

CONTROL = 9997
_FILE = "nginx.conf"
_LIVE = f"/etc/shipway/{_FILE}"
RECIPE = Recipe(
    file=_FILE,
    run=("nginx", "-c", _LIVE),
    check=("nginx", "-t", "-q", "-c", _LIVE),
    stop_signal="SIGQUIT",
)
_NEW = "keepalive_min_timeout"  # a directive of 1.27.4: the checker itself tells whether this nginx has it
_WORKER = "nginx: worker process"
_LEAVING = "is shutting down"
_PROOF = 15.0  # seconds for a reload to be served
_PAUSE = 0.05
_LULL = 10  # seconds that a leaving worker keeps an idle connection, at most


def serve(site: SiteContainer, wanted: SiteWanted) -> None:
    shapes = (_shape(wanted, True), _shape(wanted, False))
    now = _marker(_ask(site))
    _refuse_older(site, wanted, now[0])
    if now in ((wanted.generation, shape) for shape in shapes):
        return
    keeps = _accept(site, wanted)
    _reload(site, wanted, _shape(wanted, keeps))


def begin(site: SiteContainer, wanted: SiteWanted) -> None:
    try:
        site.begin(_text(wanted, True))
        shape = _shape(wanted, True)
    except ConfigRefused as error:
        if _NEW not in str(error):
            raise
        _warn(site.site, site.proxy.image)
        site.begin(_text(wanted, False))
        shape = _shape(wanted, False)
    _await(site, wanted, shape)


def text_for(site: SiteContainer, wanted: SiteWanted, running: bool) -> str:
    """Without what an old nginx does not know: whether it loads must not depend on that."""
    return _text(wanted, False)


def look(site: SiteContainer) -> SiteSeen:
    text = _ask(site)
    generation, _ = _marker(text)
    routes = _routes(text)
    figures = counted(site, routes)
    old = [name for name in site.processes().values() if _WORKER in name and _LEAVING in name]
    return SiteSeen(
        site.site,
        running=True,
        generation=generation,
        backends=tuple(
            BackendSeen(address, BackendState.READY)
            if figures is None
            else BackendSeen(address, BackendState.READY, None, *figures.get(address, NOTHING))
            for address in sorted({address for addresses in routes.values() for address in addresses})
        ),
        old_workers=len(old),
    )


def _ask(site: SiteContainer) -> str:
    answer = site.ask(CONTROL, b"GET / HTTP/1.0\r\n\r\n")
    if answer.error and not answer.data:
        raise Unreachable(f"Proxy {site.site}: its control port does not answer: {answer.error}.")
    return answer.data.decode(errors="replace")


def _accept(site: SiteContainer, wanted: SiteWanted) -> bool:
    """True when this nginx keeps connections through a reload."""
    try:
        site.accept(_text(wanted, True))
    except ConfigRefused as error:
        if _NEW not in str(error):
            raise
        _warn(site.site, site.proxy.image)
        site.accept(_text(wanted, False))
        return False
    return True


@cache
def _warn(site: Site, image: str) -> None:
    """Once in the life of a process."""
    log.warning(
        "proxy %s: image %s is an nginx before 1.27.4, which drops requests on kept connections at a reload; "
        "clients get no keep-alive from it. Use nginx 1.27.4 or newer, or HAProxy",
        site,
        image,
    )


def _reload(site: SiteContainer, wanted: SiteWanted, shape: str) -> None:
    """Returns when every worker of the earlier file has stopped taking requests."""
    since = int(time.time())
    before = {pid for pid, name in site.processes().items() if _WORKER in name}
    site.signal("SIGHUP")
    try:
        _await_leaving(site, before, since)
        _await(site, wanted, shape)
    except Unreachable as error:
        site.take_back(wanted.generation)
        site.signal("SIGHUP")
        raise site.refusal(
            f"it was checked, but the reload was ignored: {_emergency(site, since) or error}"
        ) from error


def _await_leaving(site: SiteContainer, before: set[int], since: int) -> None:
    deadline = time.monotonic() + _PROOF
    while time.monotonic() < deadline:
        now = site.processes()
        working = [pid for pid in before if _WORKER in now.get(pid, "") and _LEAVING not in now[pid]]
        if not working:
            return
        if _emergency(site, since):
            break
        time.sleep(_PAUSE)
    raise Unreachable(f"Proxy {site.site}: {len(before)} old workers still take requests.")


def _await(site: SiteContainer, wanted: SiteWanted, shape: str) -> None:
    deadline = time.monotonic() + _PROOF
    why = ""
    while time.monotonic() < deadline:
        try:
            generation, seen = _marker(_ask(site))
        except Unreachable as error:
            why = str(error)
        else:
            _refuse_older(site, wanted, generation)
            if (generation, seen) == (wanted.generation, shape):
                return
            why = f"it still serves generation {generation}"
        time.sleep(_PAUSE)
    raise Unreachable(
        f"Proxy {site.site}: generation {wanted.generation} was not served within {_PROOF:g} s: {why}."
    )


def _refuse_older(site: SiteContainer, wanted: SiteWanted, generation: int) -> None:
    if generation > wanted.generation:
        raise outdated(site.site, wanted.generation, generation)


def _emergency(site: SiteContainer, since: int) -> str:
    return " ".join(line for line in site.said(since).splitlines() if "[emerg]" in line)


def _marker(text: str) -> tuple[int, str]:
    """(generation, shape) of an answer's body."""
    words = text.rpartition("\r\n\r\n")[2].split()
    if len(words) != 3 or words[0] != "shipway" or not words[1].isdigit():
        return 0, ""
    return int(words[1]), words[2]


def _routes(text: str) -> dict[str, list[str]]:
    """Names and addresses, as the serving process says them."""
    lines = (line.split() for line in text.splitlines() if line.lower().startswith("shipway-route:"))
    return {words[1]: words[2].split(",") for words in lines if len(words) == 3}


def _text(wanted: SiteWanted, keeps: bool) -> str:
    return _render(wanted, keeps, wanted.generation, _shape(wanted, keeps))


def _shape(wanted: SiteWanted, keeps: bool) -> str:
    """Of everything but the generation: an equal one needs no reload for its own sake."""
    return hashlib.sha256(_render(wanted, keeps, 0, "-").encode()).hexdigest()[:12]


def _render(wanted: SiteWanted, keeps: bool, generation: int, shape: str) -> str:
    routes = [
        {
            "name": route.name,
            "upstream": upstream(route.name, route.ready),
            "domain": route.domain,
            "addresses": sorted(route.ready),
        }
        for route in wanted.routes
    ]
    return render(
        "nginx/nginx.conf.j2",
        site=str(wanted.site),
        generation=generation,
        shape=shape,
        control=CONTROL,
        seen=SEEN,
        port=INSIDE,
        keeps_connections=keeps,
        lull=_lull(wanted),
        routes=routes,
        has_default=any(not route.domain for route in wanted.routes),
    )


def _lull(wanted: SiteWanted) -> int:
    """Seconds. A connection that was busy at the reload may idle so long and then bring one more request, which must still
    find its replicas: the shortest drain leaves two thirds of itself for what was under way."""
    shortest = min((route.drain_timeout for route in wanted.routes), default=0.0)
    return max(1, min(_LULL, int(shortest / 3)))
