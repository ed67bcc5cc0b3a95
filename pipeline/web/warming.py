"""What a server does once, so that its first reader does not wait for it: compiles the templates and lets the database prepare
the statements of the pages that are read most. Of a first overview that was two thirds.

Asks no host and writes nothing. Meant for a thread of its own: no webhook waits for it.
"""

import logging

from pipeline.errors import ShipwayError
from pipeline.ports import Ports
from pipeline.rollout.moving import usage
from pipeline.web.answers import ArtifactsAnswer, DeploymentAnswer, RunAnswer, RunsAnswer
from pipeline.web.fleet_answers import ReleasesAnswer, ServiceAnswer, ServicesAnswer
from pipeline.web.overview_answers import OverviewAnswer
from pipeline.web.pages.language import Language
from pipeline.web.pages.log_index import LogIndexes
from pipeline.web.pages.pulse import OURSELVES, Pulse
from pipeline.web.pages.render import environment
from pipeline.web.pages.visit import Visit

log = logging.getLogger("shipway.web")

NEWEST = {"limit": "1"}


def warm(ports: Ports) -> None:
    """What cannot be read now, its first reader waits for."""
    templates = environment()
    for name in templates.list_templates():
        templates.get_template(name)
    visit = Visit(ports, OURSELVES, Language(), pulse=Pulse(ports), logs=LogIndexes(ports))
    try:
        _read(visit)
    except ShipwayError as error:
        log.warning("first pages take longer", extra={"error": str(error)})


def _read(visit: Visit) -> None:
    ports = visit.ports
    ports.sessions.session("nobody's")
    visit.ask(OverviewAnswer, "show_overview")
    usage(ports)
    ports.fleet.hosts()
    for service in visit.ask(ServicesAnswer, "list_services").services[:1]:
        visit.ask(ServiceAnswer, "show_service", service=service.name)
        visit.ask(ReleasesAnswer, "list_releases", {"service": service.name, **NEWEST})
        visit.ask(RunsAnswer, "list_runs", {"service": service.name, **NEWEST})
    for run in visit.ask(RunsAnswer, "list_runs", NEWEST).runs:
        visit.ask(RunAnswer, "show_run", run=run.id)
        visit.ask(ArtifactsAnswer, "list_artifacts", run=run.id)
    for deployment in ports.deployments.deployments(limit=1):
        visit.ask(DeploymentAnswer, "show_deployment", deployment=deployment.id)
