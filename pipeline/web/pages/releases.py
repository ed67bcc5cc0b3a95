"""All releases of a service, newest first."""

from pipeline.web.fleet_answers import ReleasesAnswer, ServiceAnswer
from pipeline.web.pages.page import Page
from pipeline.web.pages.release_rows import rows_of
from pipeline.web.pages.visit import Visit

SHOWN = 50


def show(visit: Visit, service: str) -> dict[str, object]:
    found = visit.ask(ServiceAnswer, "show_service", service=service)
    wanted = {"service": service, "limit": str(SHOWN), "cursor": visit.args.get("cursor", "")}
    answer = visit.ask(ReleasesAnswer, "list_releases", wanted)
    return {
        "service": found,
        "rows": rows_of(visit, answer.releases, found.environments),
        "next": answer.next,
    }


PAGES = (Page("/services/<service>/releases", "releases", show),)
