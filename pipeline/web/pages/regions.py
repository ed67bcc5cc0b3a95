"""Regions: one name over several of them, who serves and who does not; admins park and unpark here."""

from collections.abc import Mapping

from pipeline.web.auth import Role
from pipeline.web.entrances_answers import EntrancesAnswer, ParkedAnswer
from pipeline.web.pages.page import Form, Page
from pipeline.web.pages.visit import Visit


def show(visit: Visit) -> dict[str, object]:
    return {"entrances": visit.ask(EntrancesAnswer, "list_entrances").entrances}


def park(visit: Visit, fields: Mapping[str, str], region: str) -> str:
    sent = {"entrance": fields.get("entrance", ""), "reason": fields.get("reason", "")}
    visit.ask(ParkedAnswer, "park_region", sent, region=region)
    return "/regions"


def unpark(visit: Visit, fields: Mapping[str, str], region: str) -> str:
    visit.ask(ParkedAnswer, "unpark_region", {"entrance": fields.get("entrance", "")}, region=region)
    return "/regions"


PAGES = (Page("/regions", "regions", show),)
FORMS = (
    Form("/regions/<region>/park", park, Role.ADMIN),
    Form("/regions/<region>/unpark", unpark, Role.ADMIN),
)
