"""The first page: every service and environment, what is live, what is moving, what is sick. The sick come first."""

from collections.abc import Sequence
from itertools import groupby

from pipeline.web.fleet_answers import ServiceAnswer, ServicesAnswer
from pipeline.web.pages.language import key
from pipeline.web.pages.page import Page
from pipeline.web.pages.standing import Group, Standing
from pipeline.web.pages.standings import standings
from pipeline.web.pages.visit import Visit

TITLES = {
    Group.ATTENTION: key("Needs attention"),
    Group.HELD: key("Waiting"),
    Group.MOVING: key("Moving"),
    Group.WELL: key("Well"),
    Group.EMPTY: key("Not deployed yet"),
}
TONES = {
    Group.ATTENTION: "bad",
    Group.HELD: "warn",
    Group.MOVING: "busy",
    Group.WELL: "good",
    Group.EMPTY: "idle",
}


def show(visit: Visit) -> dict[str, object]:
    services = visit.ask(ServicesAnswer, "list_services").services
    found = sorted(standings(visit), key=lambda one: (one.rank, one.service, one.environment))
    by_group = {
        group: list(members)
        for group, members in groupby(sorted(found, key=_order), key=lambda one: one.group)
    }
    return {
        "groups": [(TITLES[group], TONES[group], by_group[group]) for group in Group if group in by_group],
        "troubles": [service for service in services if service.trouble],
        "nothing_live": bool(found) and all(one.live is None and one.motion is None for one in found),
        "first": _first(services),
    }


def _order(one: Standing) -> int:
    return list(Group).index(one.group)


def _first(services: Sequence[ServiceAnswer]) -> tuple[str, str, str] | None:
    """Service, environment and branch for the example of what to type next."""
    for service in services:
        for environment in service.environments:
            if environment.branches:
                return service.name, environment.name, environment.branches[0]
    return None


PAGES = (Page("/", "overview", show, live=True),)
