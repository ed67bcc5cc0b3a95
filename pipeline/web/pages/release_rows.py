"""Releases as rows: what is live where, and for each environment whether one may go back to it, or why not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.ports import Ports
from pipeline.retention.policy import Retention
from pipeline.rollout.history import kept_releases
from pipeline.web.fleet_answers import EnvironmentSummary, ReleaseAnswer
from pipeline.web.pages.language import key
from pipeline.web.pages.visit import Visit
from pipeline.web.titles import title_of


@dataclass(frozen=True)
class Past:
    """What the books know of an environment. `coming`: the release that is on its way."""

    environment: str
    live: int | None
    good: tuple[int, ...]
    keep: int
    coming: int | None


@dataclass(frozen=True)
class Option:
    """`barred`: why it cannot be brought there; else `note` says what to expect. Both are keys of the catalogue."""

    environment: str
    barred: str = ""
    note: str = ""
    back: bool = False  # it was good here before what is live: a way back


@dataclass(frozen=True)
class Row:
    release: ReleaseAnswer
    title: str
    live_on: tuple[str, ...]
    options: tuple[Option, ...]


def rows_of(
    visit: Visit, releases: Sequence[ReleaseAnswer], environments: Sequence[EnvironmentSummary]
) -> list[Row]:
    if not releases:
        return []
    pasts = [past_of(visit.ports, releases[0].service, environment) for environment in environments]
    now, retention = visit.ports.clock.now(), visit.ports.settings.retention
    return [
        Row(
            release,
            title_of(visit.ports, release.run),
            tuple(past.environment for past in pasts if past.live == release.number),
            tuple(option_of(release, past, _is_old(release, retention, now)) for past in pasts),
        )
        for release in releases
    ]


def past_of(ports: Ports, service: str, environment: EnvironmentSummary) -> Past:
    active = ports.deployments.active(service, environment.name)
    keep = ports.settings.environment(service, environment.name).policy.keep
    good = tuple(ports.deployments.good_releases(service, environment.name))
    return Past(environment.name, environment.live, good, keep, active.release.number if active else None)


def option_of(release: ReleaseAnswer, past: Past, old: bool) -> Option:
    """The first that holds."""
    name, number = past.environment, release.number
    if number == past.live:
        return Option(name, barred=key("It is live."))
    if number == past.coming:
        return Option(name, barred=key("It is on its way already."))
    if old and number not in past.good:
        return Option(
            name, barred=key("Its image may be gone from the registry: it is older than retention.age.")
        )
    if number not in past.good:
        made = (
            ""
            if release.environment in ("", name)
            else key("Made for another environment: it comes as a new release.")
        )
        return Option(name, note=made or key("It was never good here: it goes host by host."))
    warm = key("Good here before, and its image is still on the hosts.")
    cold = key("Good here before; its image is pulled first.")
    note = warm if number in kept_releases(past.good, past.keep, [past.live]) else cold
    return Option(name, note=note, back=past.live is None or number < past.live)


def _is_old(release: ReleaseAnswer, retention: Retention, now: datetime) -> bool:
    made = release.created_at
    return made is not None and made < now - timedelta(seconds=retention.age)
