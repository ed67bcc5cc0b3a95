"""The first page: every service and environment, what is live, what is moving, what is sick. The sick come first."""

from pipeline.web.fleet_answers import ServicesAnswer
from pipeline.web.pages.page import Page
from pipeline.web.pages.visit import Visit


def show(visit: Visit) -> dict[str, object]:
    return {"services": visit.ask(ServicesAnswer, "list_services").services}


PAGES = (Page("/", "overview", show, live=True),)
