"""Hosts: whether they answer, what runs on them, room and clock; one host, to drain it or take it back."""

from collections.abc import Mapping

from pipeline.errors import NotFound
from pipeline.fleet.host import Host, HostState
from pipeline.rollout.moving import usage
from pipeline.web.auth import within
from pipeline.web.enrolment import ChecklistAnswer
from pipeline.web.fleet_answers import HostAnswer, MovesAnswer
from pipeline.web.joined import joined_answers
from pipeline.web.pages.page import Form, Page
from pipeline.web.pages.visit import Visit
from pipeline.web.pools import PoolAnswer, PoolsAnswer
from pipeline.web.services import agent_of

LOW_SPACE = 2 << 30  # bytes; below that a pull may fail
CHECKED = {"ok": "healthy", "warn": "degraded", "bad": "failing", "none": "unused"}  # keys of `marks`
SKEW = 5.0  # seconds that a clock may differ before it is worth a word


def show(visit: Visit) -> dict[str, object]:
    hosts = sorted(hosts_of(visit), key=lambda host: (_rank(host), host.name))
    return {"hosts": hosts, "state": state_of, "pools": _pools(visit)}


def show_one(visit: Visit, host: str) -> dict[str, object]:
    found = next((one for one in hosts_of(visit) if one.name == host), None)
    if found is None:
        raise NotFound(f"There is no host {host!r} here, or none of what you may see runs on it.")
    return {"host": found, "state": state_of(found), "warnings": warnings_of(found)}


def show_checklist(visit: Visit, host: str) -> dict[str, object]:
    """Asks the host now: a page that somebody opened for it may take its seconds."""
    found = visit.ask(ChecklistAnswer, "check_host", host=host)
    return {"host": found.host, "checks": found.checks, "looks": CHECKED}


def hosts_of(visit: Visit) -> list[HostAnswer]:
    """All, with what they said last; a bound reader sees the hosts of their environments."""
    seen = visit.pulse.hosts(visit.patience)
    states, joined = visit.ports.fleet.hosts(), joined_answers(visit.ports)
    found = []
    for name, users in usage(visit.ports).items():
        mine = [f"{e.service}/{e.name}" for e in users if within(visit.caller, e.service, e.name)]
        if mine or not visit.caller.scopes:
            host = visit.ports.settings.hosts[name]
            told = _told(host, mine, seen, states.get(name, HostState(name)))
            more = {"joined": joined.get(name), "agent": agent_of(host, visit.ports)}
            found.append(told.model_copy(update=more))
    return found


def state_of(host: HostAnswer) -> str:
    """A key of `marks`."""
    if host.drained:
        return "drained"
    if host.reachable is None:
        return "unknown" if host.environments else "unused"
    return "reachable" if host.reachable else "silent"


def warnings_of(host: HostAnswer) -> list[tuple[str, str]]:
    """(space or clock, the figure)."""
    found = []
    if host.free_bytes is not None and host.free_bytes < LOW_SPACE:
        found.append(("space", f"{host.free_bytes / (1 << 30):.1f}"))
    if host.clock_skew is not None and abs(host.clock_skew) > SKEW:
        found.append(("clock", f"{host.clock_skew:+.0f}"))
    return found


def drain(visit: Visit, fields: Mapping[str, str], host: str) -> str:
    sent = {"reason": fields.get("reason", ""), "force": "true" if "force" in fields else ""}
    visit.ask(MovesAnswer, "drain_host", sent, host=host)
    return f"/hosts/{host}"


def resume(visit: Visit, fields: Mapping[str, str], host: str) -> str:
    visit.ask(MovesAnswer, "resume_host", host=host)
    return f"/hosts/{host}"


def _pools(visit: Visit) -> list[PoolAnswer]:
    """Machines are nobody's business who sees only some environments."""
    if visit.caller.scopes or not visit.ports.settings.pools:
        return []
    return visit.ask(PoolsAnswer, "list_pools").pools


def _rank(host: HostAnswer) -> int:
    return {"silent": 0, "drained": 1, "unknown": 2}.get(state_of(host), 3)


def _told(host: Host, users: list[str], seen: Mapping[str, HostAnswer], state: HostState) -> HostAnswer:
    """Books are of now, also where what the host said is some seconds old."""
    said = seen.get(host.name)
    return HostAnswer(
        name=host.name,
        engine=host.engine,
        address=host.address,
        region=host.region,
        labels=host.labels,
        environments=users,
        reachable=said.reachable if said else None,
        error=said.error if said else "",
        free_bytes=said.free_bytes if said else None,
        clock_skew=said.clock_skew if said else None,
        memory=said.memory if said else None,
        drained=state.drained,
        silent_since=state.silent_since,
    )


PAGES = (
    Page("/hosts", "hosts", show, live=True),
    Page("/hosts/<host>", "host", show_one),
    Page("/hosts/<host>/checklist", "checklist", show_checklist),
)
FORMS = (Form("/hosts/<host>/drain", drain), Form("/hosts/<host>/resume", resume))
