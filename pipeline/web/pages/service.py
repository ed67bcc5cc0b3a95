"""One service: how its environments stand, its runs and releases, the configuration as it was understood."""

from dataclasses import dataclass

from pipeline.rollout.secrets import outdated
from pipeline.web.answers import RunsAnswer
from pipeline.web.fleet_answers import EnvironmentAnswer, EnvironmentSummary, ReleasesAnswer, ServiceAnswer
from pipeline.web.pages.freezing import freezes_of
from pipeline.web.pages.page import Page
from pipeline.web.pages.release_rows import rows_of
from pipeline.web.pages.resolved import Change, Setting, changes_of, settings_of
from pipeline.web.pages.standing import Standing
from pipeline.web.pages.standings import standings
from pipeline.web.pages.visit import Visit
from pipeline.web.scaling import ScalingAnswer

RUNS_SHOWN, RELEASES_SHOWN = 15, 10
FILTERS = ("environment", "status", "cursor")


@dataclass(frozen=True)
class Place:
    """One environment of the service. `seen` None: no host has answered yet."""

    summary: EnvironmentSummary
    standing: Standing
    seen: EnvironmentAnswer | None
    settings: list[Setting]
    changes: list[Change]


def show(visit: Visit, service: str) -> dict[str, object]:
    found = visit.ask(ServiceAnswer, "show_service", service=service)
    wanted = {name: visit.args[name] for name in FILTERS if name in visit.args}
    runs = visit.ask(RunsAnswer, "list_runs", {"service": service, "limit": str(RUNS_SHOWN), **wanted})
    releases = visit.ask(ReleasesAnswer, "list_releases", {"service": service, "limit": str(RELEASES_SHOWN)})
    return {
        "service": found,
        "places": [_place(visit, service, standing, e) for standing, e in _standing(visit, found)],
        "runs": runs.runs,
        "next": runs.next,
        "environment": visit.args.get("environment", ""),
        "freezes": freezes_of(visit, service),
        "scaling": visit.ask(ScalingAnswer, "list_scaling", {"service": service, "limit": "5"}).groups,
        "rows": rows_of(visit, releases.releases, found.environments),
    }


def _standing(visit: Visit, service: ServiceAnswer) -> list[tuple[Standing, EnvironmentSummary]]:
    by_name = {one.environment: one for one in standings(visit, service.name)}
    return [(by_name[environment.name], environment) for environment in service.environments]


def _place(visit: Visit, service: str, standing: Standing, summary: EnvironmentSummary) -> Place:
    ports, name = visit.ports, summary.name
    place = ports.settings.environment(service, name)
    state = ports.deployments.environment(service, name)
    changes: list[Change] = []
    if state.live is not None:
        live = ports.releases.release(service, state.live)
        changes = changes_of(live, place, state, outdated(live, place, ports))
    seen = visit.pulse.looks([(service, name)], 0.0).get((service, name)) if summary.live else None
    return Place(summary, standing, seen, settings_of(place, state), changes)


PAGES = (Page("/services/<service>", "service", show, live=True),)
