"""Deliveries: what told of a push and what became of it; searched, looked at, decided again."""

from collections.abc import Mapping
from urllib.parse import urlencode

from pipeline.intake.inbox import Outcome
from pipeline.web.deliveries import DeliveriesAnswer, DeliveryDetail, ReplayAnswer
from pipeline.web.pages.page import Form, Page
from pipeline.web.pages.visit import Visit

SHOWN = 40
FILTERS = ("q", "service", "forge", "outcome")


def show(visit: Visit) -> dict[str, object]:
    wanted = {name: visit.args[name] for name in FILTERS if visit.args.get(name)}
    sent = {**wanted, "limit": str(SHOWN), "cursor": visit.args.get("cursor", "")}
    answer = visit.ask(DeliveriesAnswer, "list_deliveries", sent)
    older = f"?{urlencode({**wanted, 'cursor': answer.next})}" if answer.next else ""
    return {
        "deliveries": answer.deliveries,
        "older": older,
        "wanted": wanted,
        "services": sorted(visit.ports.settings.services),
        "outcomes": [outcome.value for outcome in Outcome],
    }


def show_one(visit: Visit, delivery: int) -> dict[str, object]:
    return {"delivery": visit.ask(DeliveryDetail, "show_delivery", delivery=delivery)}


def replay(visit: Visit, fields: Mapping[str, str], delivery: int) -> str:
    answer = visit.ask(ReplayAnswer, "replay_delivery", delivery=delivery)
    return f"/deliveries/{answer.delivery}"


PAGES = (
    Page("/deliveries", "deliveries", show),
    Page("/deliveries/<id:delivery>", "delivery", show_one),
)
FORMS = (Form("/deliveries/<id:delivery>/replay", replay),)
