"""One deployment: how it stands, a lane for each host, its history, and where requests go now."""

from collections.abc import Sequence

from pipeline.web.answers import DeploymentAnswer, EventAnswer
from pipeline.web.fleet_answers import EnvironmentAnswer
from pipeline.web.pages.deeds import OF_DEPLOYMENTS
from pipeline.web.pages.deployment_verdict import REASONS, offered, policy_in_words, verdict_of
from pipeline.web.pages.lanes import lanes_of
from pipeline.web.pages.page import Page
from pipeline.web.pages.run import way_of
from pipeline.web.pages.topology import picture_of
from pipeline.web.pages.visit import Visit
from pipeline.web.titles import title_of

WIDE = 24  # lanes that are all drawn in full; of more, those that rest are a line
HISTORY = 300  # lines
LONGEST, WEIGHT = 4000, 40_000  # characters of a text of several lines, and of all of them
MOVING, STILL = 2.0, 8.0  # seconds for which what hosts said is shown


def show(visit: Visit, deployment: int) -> dict[str, object]:
    """The answer proves who may read it; the record behind it tells of each host more than the answer does."""
    answer = visit.ask(DeploymentAnswer, "show_deployment", deployment=deployment)
    ports = visit.ports
    record = ports.deployments.deployment(deployment)
    newest = ports.deployments.deployments(record.service, record.environment, 1)[0].id == deployment
    seen = _seen(visit, answer, MOVING if not record.over else STILL) if newest else None
    lanes = lanes_of(record, answer.events, seen)
    may = visit.may("deployer", record.service, record.environment)
    return {
        "deployment": answer,
        "over": record.over,
        "verdict": verdict_of(record),
        "reason": REASONS[record.reason],
        "way": way_of(record.requested_by),
        "title": title_of(ports, record.release.run),
        "policy": policy_in_words(record),
        "deeds": [deed for deed in OF_DEPLOYMENTS if may and deed.name in offered(record)],
        "back": may and newest and record.previous is not None and bool(record.settled or record.over),
        "lanes": lanes,
        "brief": len(lanes) > WIDE,
        "history": _told(answer.events[-HISTORY:]),
        "left_out": max(0, len(answer.events) - HISTORY),
        "newest": newest,
        "picture": picture_of(seen) if seen else None,
        "balancer": seen.load_balancer_error if seen else "",
    }


def _told(events: Sequence[EventAnswer]) -> list[tuple[EventAnswer, str]]:
    """Each with what can be unfolded of it: long texts of the latest, as far as a page may weigh."""
    found, left = [], WEIGHT
    for event in reversed(events):
        more = event.text[:LONGEST] if "\n" in event.text and left > 0 else ""
        left -= len(more)
        found.append((event, more))
    return found[::-1]


def _seen(visit: Visit, answer: DeploymentAnswer, fresh: float) -> EnvironmentAnswer | None:
    place = (answer.service, answer.environment)
    return visit.pulse.looks([place], visit.patience, fresh).get(place)


PAGES = (Page("/deployments/<id:deployment>", "deployment", show, live=True),)
