"""Where an environment is to run now: gathers what file, books and engines say, and lets the rule of placement choose.

Engines are asked only where there is a choice (`place:`). Drafts deployments from the answer; starts none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from pipeline.errors import Conflict
from pipeline.fleet.host import Host, HostState
from pipeline.fleet.placement import Candidate, Placed, Wish, place, used
from pipeline.fleet.service import Environment, OnHostLoss
from pipeline.ports import Ports
from pipeline.rollout.deployment import Deployment, EnvironmentState, HostPlan, Reason
from pipeline.rollout.draft import draft
from pipeline.rollout.observed import HostSeen
from pipeline.rollout.release import Release


@dataclass(frozen=True)
class Supposed:
    """What is not written down yet: hosts that would be drained, and why; moves instead of those in the books."""

    drained: Mapping[str, str] = field(default_factory=dict)
    moved: Mapping[str, str] | None = None


AS_IT_IS = Supposed()
FORGOTTEN = "shipway.yml does not name it for this environment any more"


def drafted(
    environment: Environment,
    release: Release,
    reason: Reason,
    requested_by: str,
    ports: Ports,
    run: int | None = None,
) -> Deployment:
    """The deployment of a release onto the environment as it stands; a failure goes back to the last good release.
    Raises `Conflict` when no host may have it."""
    state = ports.deployments.environment(environment.service, environment.name)
    good = state.last_good
    previous = None if good is None else ports.releases.release(environment.service, good)
    places = plans(whereabouts(environment, release, ports), state, ports)
    now = ports.clock.now()
    return draft(environment, release, previous, reason, requested_by, now, state.replicas, run, places)


def whereabouts(
    environment: Environment, release: Release, ports: Ports, supposed: Supposed = AS_IT_IS
) -> tuple[Placed, ...]:
    """Every host that could have a share, and why it has it or not. Raises `Conflict` when none may have one."""
    state = ports.deployments.environment(environment.service, environment.name)
    if supposed.moved is not None:
        state = replace(state, moved=dict(supposed.moved))
    candidates = _candidates(environment, state, supposed, ports)
    if environment.place is not None:
        candidates = _weighed(environment, candidates, ports)
    replicas = environment.replicas if state.replicas is None else state.replicas
    placed = place(candidates, Wish(replicas, release.spec.memory, environment.place))
    if not used(placed):
        reasons = "; ".join(f"{p.host}: {p.why}" for p in placed)
        raise Conflict(
            f"{environment.service}/{environment.name} has no host left to run on ({reasons}). "
            "Resume a host, or name another one for it in shipway.yml."
        )
    return placed


def plans(placed: Sequence[Placed], state: EnvironmentState, ports: Ports) -> tuple[HostPlan, ...]:
    """Those that have a share, had one, or may still have something that nobody wants there."""
    known = state.placed
    return tuple(
        HostPlan(
            p.host,
            region=ports.settings.hosts[p.host].region,
            replicas=p.replicas,
            before=known.get(p.host, 0) if known else None,
            why=p.why,
        )
        for p in placed
        if p.replicas or p.before or p.host in known
    )


def running_on(environment: Environment, state: EnvironmentState) -> dict[str, int]:
    """Host -> replicas by our books. Before they kept that, it ran on all hosts of the file."""
    if state.placed or state.live is None:
        return {host: count for host, count in state.placed.items() if count}
    return dict.fromkeys((host.name for host in environment.hosts), state.replicas or environment.replicas)


# ------------------------------------------------------------------------------------------------ what is known


def _candidates(
    environment: Environment, state: EnvironmentState, supposed: Supposed, ports: Ports
) -> list[Candidate]:
    known = ports.settings.hosts
    here = running_on(environment, state)
    named = [host.name for host in environment.hosts]
    joined = [name for name, way in state.moved.items() if way == "in" and name in known]
    others = [name for name in (*joined, *here, *state.placed) if name in known]
    states = ports.fleet.hosts()
    return [
        Candidate(
            host,
            known[host].region,
            now=here.get(host, 0),
            moved=state.moved.get(host, ""),
            unfit=supposed.drained.get(host, "")
            or _unfit(environment, states.get(host), ports)
            or ("" if host in named or host in joined else FORGOTTEN),
        )
        for host in dict.fromkeys((*named, *others))
    ]


def _unfit(environment: Environment, state: HostState | None, ports: Ports) -> str:
    if state is None:
        return ""
    if state.drained_at is not None:
        return state.drained
    return lost(environment, state, ports)


def lost(environment: Environment, state: HostState, ports: Ports) -> str:
    """Why a silent host is given up for this environment; empty while it is waited for."""
    since = state.silent_since
    if since is None or environment.on_host_loss is OnHostLoss.WAIT:
        return ""
    if ports.clock.now() < since + timedelta(seconds=environment.host_loss_grace):
        return ""
    return f"it has not answered since {since:%Y-%m-%d %H:%M} UTC"


def _weighed(environment: Environment, candidates: list[Candidate], ports: Ports) -> list[Candidate]:
    """With memory and load of each host; one that would be new and does not answer now is not chosen."""
    hosts = [ports.settings.hosts[c.host] for c in candidates]
    looks = ports.hands.each([partial(_look, environment, host, ports) for host in hosts])
    seen = {look.host: look for look in looks if isinstance(look, HostSeen)}
    loads, promised = _of_others(environment, ports)
    return [_with(c, seen.get(c.host), loads, promised) for c in candidates]


def _look(environment: Environment, host: Host, ports: Ports) -> HostSeen:
    return ports.engines.look(host, environment.service, environment.name)


def _with(
    c: Candidate, seen: HostSeen | None, loads: Mapping[str, int], promised: Mapping[str, int]
) -> Candidate:
    silent = seen is None or not seen.reachable
    why = f"it does not answer: {seen.error if seen else 'it could not be asked'}"
    return Candidate(
        c.host,
        c.region,
        c.now,
        loads.get(c.host, 0),
        seen.memory if seen else None,
        promised.get(c.host, 0),
        c.moved,
        c.unfit or (why if silent and not c.now else ""),
    )


def _of_others(mine: Environment, ports: Ports) -> tuple[dict[str, int], dict[str, int]]:
    """Replicas, and bytes of their limits, that other environments have on each host."""
    loads: dict[str, int] = {}
    promised: dict[str, int] = {}
    for service in ports.settings.services.values():
        for other in service.environments.values():
            state = ports.deployments.environment(other.service, other.name)
            if (other.service, other.name) == (mine.service, mine.name) or state.live is None:
                continue
            memory = ports.releases.release(other.service, state.live).spec.memory
            for host, count in running_on(other, state).items():
                loads[host] = loads.get(host, 0) + count
                promised[host] = promised.get(host, 0) + count * memory
    return loads, promised
