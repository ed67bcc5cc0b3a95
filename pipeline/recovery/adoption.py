"""RULE: what the books must say after a restore, so that they are true of what runs. Pure; nothing that runs is touched.

one release serves, the books know it       live becomes that one                                     adopted | same
one release serves that they do not know    it is written down anew, from its container               recorded
its number is another release's             live stays; the sentence says what to do                  unclear
several serve                               live stays; the sentence names them                       unclear
none runs                                   live stays                                                nothing
a host is silent                            wait; after a while what the others run counts            None
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from pipeline.fleet.proxy import Backend, Route, Site, SiteSeen
from pipeline.fleet.service import Environment
from pipeline.recovery.remains import Awaited, Found
from pipeline.rollout.deployment import EnvironmentState
from pipeline.rollout.release import Release, RuntimeSpec
from pipeline.secret import Secret

PATIENCE = timedelta(seconds=60)  # for hosts that do not answer


class Outcome(StrEnum):
    SAME = "same"
    ADOPTED = "adopted"
    RECORDED = "recorded"
    UNCLEAR = "unclear"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Known:
    """What the restored books say. `base`: the newest release of the environment, for what no container tells."""

    state: EnvironmentState
    releases: Mapping[int, Release] = field(default_factory=dict)
    base: Release | None = None


@dataclass(frozen=True)
class World:
    """What was found. `silent`: hosts that did not answer."""

    found: tuple[Found, ...] = ()
    sites: tuple[SiteSeen, ...] = ()
    silent: tuple[str, ...] = ()


@dataclass(frozen=True)
class Adoption:
    """To be written down in one transaction. `live` None: as it is. `highest_*`: numbers that must never be given again."""

    service: str
    environment: str
    outcome: Outcome
    said: str
    live: Release | None = None
    placed: dict[str, int] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    replicas: int | None = None
    routes: tuple[Route, ...] = ()
    generations: Mapping[Site, int] = field(default_factory=dict)
    highest_release: int = 0
    highest_deployment: int = 0


def adopt(
    environment: Environment, awaited: Awaited, known: Known, world: World, now: datetime
) -> Adoption | None:
    """None: too little is known yet."""
    mine = [f for f in world.found if (f.service, f.environment) == (environment.service, environment.name)]
    if world.silent and (not mine or now < awaited.restored_at + PATIENCE):
        return None
    serving = _serving(environment, mine, world)
    kinds = sorted({(f.release, f.image) for f in serving})
    outcome, live, said = _verdict(environment, awaited, known, serving, kinds)
    plain = Adoption(
        environment.service,
        environment.name,
        outcome,
        _with_silent(said, world.silent),
        live,
        highest_release=max((f.release for f in mine), default=0),
        highest_deployment=max((f.deployment for f in mine), default=0),
    )
    if not serving:
        return plain
    placed = _placed(serving, known.state, world.silent)
    return replace(
        plain,
        placed=placed,
        moved=_moved(environment, known.state, placed),
        replicas=_replicas(environment, known.state, placed),
        routes=_routes(environment, mine, world),
        generations={seen.site: seen.generation for seen in _sites(environment, world)},
    )


def _serving(environment: Environment, mine: Sequence[Found], world: World) -> list[Found]:
    """By the word of the proxies; without one, those that were let in once."""
    sites = _sites(environment, world)
    served = [f for f in mine if any(site.serves(f.address) for site in sites)]
    return served or [f for f in mine if f.admitted] or list(mine)


def _sites(environment: Environment, world: World) -> list[SiteSeen]:
    name = environment.proxy.name if environment.proxy else ""
    return [seen for seen in world.sites if seen.site.proxy == name and seen.running and not seen.error]


def _verdict(
    environment: Environment,
    awaited: Awaited,
    known: Known,
    serving: Sequence[Found],
    kinds: Sequence[tuple[int, str]],
) -> tuple[Outcome, Release | None, str]:
    place, then = f"{environment.service}/{environment.name}", f"{awaited.taken_at:%Y-%m-%d %H:%M} UTC"
    if not kinds:
        was = f"; the books of {then} say release {known.state.live}" if known.state.live else ""
        return Outcome.NOTHING, None, f"Nothing of {place} runs{was}."
    if len(kinds) > 1:
        names = " and ".join(_where(number, serving) for number in dict.fromkeys(n for n, _ in kinds))
        return (
            Outcome.UNCLEAR, None,
            f"{place} serves several releases: {names}. All stay; deploy the one that is meant: `shipway deploy "
            f"{environment.service} {environment.name}`.",
        )  # fmt: skip
    number, image = kinds[0]
    release = known.releases.get(number)
    if release is None:
        made = _recorded(environment, known.base, serving[0])
        return (
            Outcome.RECORDED, made,
            f"{place} runs release {number}, which the books of {then} do not know: written down again from its "
            "container. Its health check and hooks are those of the release before it.",
        )  # fmt: skip
    if release.image != image:
        return (
            Outcome.UNCLEAR, None,
            f"{place} runs a release {number} of another image than the books of {then} have under that number. It stays; "
            f"deploy once: `shipway deploy {environment.service} {environment.name}`.",
        )  # fmt: skip
    if known.state.live == number:
        return Outcome.SAME, release, f"{place} runs release {number}, as the books say."
    return (
        Outcome.ADOPTED, release,
        f"{place} runs release {number}, where the books of {then} said {known.state.live or 'nothing'}.",
    )  # fmt: skip


def _where(number: int, serving: Sequence[Found]) -> str:
    return f"{number} on {', '.join(sorted({f.host for f in serving if f.release == number}))}"


def _with_silent(said: str, silent: Sequence[str]) -> str:
    return f"{said} Not asked, since they do not answer: {', '.join(silent)}." if silent else said


def _recorded(environment: Environment, base: Release | None, found: Found) -> Release:
    before = base.spec if base else RuntimeSpec()
    plain = {**environment.env, **before.env}
    spec = replace(
        before,
        port=found.spec.port,
        command=found.spec.command,
        memory=found.spec.memory,
        cpus=found.spec.cpus,
        env={name: text for name, text in found.spec.env.items() if plain.get(name) == text},
        secrets={n: Secret(text) for n, text in found.spec.env.items() if plain.get(n) != text},
    )
    return Release(environment.service, found.release, found.image, found.commit, "", spec, environment.name)


def _placed(serving: Sequence[Found], state: EnvironmentState, silent: Sequence[str]) -> dict[str, int]:
    hosts = sorted({f.host for f in serving})
    counts = {host: sum(f.host == host for f in serving) for host in hosts}
    return {**{host: 0 for host in silent if state.placed.get(host)}, **counts}


def _moved(environment: Environment, state: EnvironmentState, placed: Mapping[str, int]) -> dict[str, str]:
    """It stays where it runs, also on a host that the file does not name for it."""
    named = {host.name for host in environment.hosts}
    here = {host for host, count in placed.items() if count}
    kept = {host: way for host, way in state.moved.items() if not (way == "out" and host in here)}
    return {**kept, **{host: "in" for host in sorted(here - named)}}


def _replicas(environment: Environment, state: EnvironmentState, placed: Mapping[str, int]) -> int | None:
    """What it was scaled to since; None: as the books say."""
    counts = {count for count in placed.values() if count}
    wanted = environment.replicas if state.replicas is None else state.replicas
    return counts.pop() if len(counts) == 1 and counts != {wanted} else state.replicas


def _routes(environment: Environment, mine: Sequence[Found], world: World) -> tuple[Route, ...]:
    return tuple(
        Route(
            seen.site,
            environment.service,
            environment.name,
            environment.domain,
            tuple(sorted(Backend(f.address, f.host, f.release) for f in mine if seen.serves(f.address))),
            environment.policy.drain_timeout,
        )
        for seen in _sites(environment, world)
    )
