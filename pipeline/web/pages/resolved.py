"""The configuration of an environment as it was understood, and where what is live differs from it. Secrets by name only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from pipeline.fleet.service import Environment
from pipeline.rollout.deployment import EnvironmentState
from pipeline.rollout.policy import Policy
from pipeline.rollout.release import Release
from pipeline.rollout.whereabouts import running_on
from pipeline.scaling.policy import Scaling
from pipeline.web.pages.language import key

NOT_SHOWN = {"metrics", "compare"}  # of a policy: they have lines of their own


@dataclass(frozen=True)
class Setting:
    key: str  # as in shipway.yml
    value: str


@dataclass(frozen=True)
class Change:
    """`sentence` is a key of the catalogue; `names` are keys, hosts, numbers. `again`: the same release, deployed once
    more, brings it; else the next run does."""

    sentence: str
    names: str
    again: bool = False


def settings_of(place: Environment, state: EnvironmentState) -> list[Setting]:
    return [Setting(key, value) for key, value in _settings(place, state) if value]


def changes_of(
    live: Release, place: Environment, state: EnvironmentState, outdated: tuple[str, ...]
) -> list[Change]:
    found = []
    env = sorted(name for name, value in place.env.items() if live.spec.env.get(name) != value)
    if env:
        found.append(
            Change(key("Environment variables that are live with another value: {names}"), ", ".join(env))
        )
    if outdated:
        names = ", ".join(outdated)
        found.append(
            Change(key("Secrets that are live with another value, or not at all: {names}"), names, True)
        )
    found += _moved(place, state)
    return found


def _moved(place: Environment, state: EnvironmentState) -> Iterator[Change]:
    """Hosts, unless people moved it or only some of them are taken; and replicas."""
    if place.place is None and not state.moved:
        runs_on, named = set(running_on(place, state)), {host.name for host in place.hosts}
        if named - runs_on:
            yield Change(
                key("Hosts that it does not run on yet: {names}"), ", ".join(sorted(named - runs_on)), True
            )
        if runs_on - named:
            yield Change(
                key("Hosts that it has not left yet: {names}"), ", ".join(sorted(runs_on - named)), True
            )
    if state.replicas is not None and state.replicas != place.replicas and place.scaling is None:
        yield Change(
            key("Somebody scaled it to {names} on each host, and shipway.yml says otherwise"),
            f"{state.replicas} ≠ {place.replicas}",
        )


def _settings(place: Environment, state: EnvironmentState) -> Iterator[tuple[str, str]]:
    yield "branches", ", ".join(place.branches)
    yield "tags", ", ".join(place.tags)
    yield "hosts", ", ".join(host.name for host in place.hosts)
    yield "place", str(place.place or "")
    yield "replicas", str(place.replicas if state.replicas is None else state.replicas)
    yield (
        "proxy",
        f"{place.proxy.name} ({place.proxy.kind}, {place.proxy.image}, :{place.proxy.listen})"
        if place.proxy
        else "",
    )
    yield "load_balancer", place.load_balancer
    yield "route.domain", place.domain
    yield "env", _pairs(place.env)
    yield "secrets", ", ".join(sorted({*place.secrets, *place.stored}))
    yield "approve", place.approve.value
    yield "on_host_loss", place.on_host_loss.value
    yield "scaling", _scaling(place.scaling)
    yield from _rollout(place.policy)


def _rollout(policy: Policy) -> Iterator[tuple[str, str]]:
    for field in fields(policy):
        if field.name not in NOT_SHOWN:
            yield f"rollout.{field.name}", _plain(getattr(policy, field.name))
    compare = policy.compare
    yield (
        "rollout.compare",
        _pairs({f.name: _plain(getattr(compare, f.name)) for f in fields(compare)}) if compare else "off",
    )
    yield "rollout.metrics", "; ".join(criterion.query for criterion in policy.metrics)


def _scaling(scaling: Scaling | None) -> str:
    if scaling is None:
        return ""
    targets = ", ".join(f"{one.measure} {one.said(one.value)}" for one in scaling.targets)
    return f"{scaling.minimum} – {scaling.maximum}" + (f" ({targets})" if targets else "")


def _plain(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _pairs(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())
