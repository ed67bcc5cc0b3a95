"""The calls about deliveries, the ledger of all that told of a push: list, look, replay."""

from pipeline.caller import Caller
from pipeline.intake.inbox import Delivery, Kept, Outcome, Wanted
from pipeline.intake.kept import kept_body, kept_headers
from pipeline.intake.replay import replay
from pipeline.ports import Ports
from pipeline.web.answers import Answer, Utc
from pipeline.web.auth import Role
from pipeline.web.bodies import DeliveriesQuery, NothingBody
from pipeline.web.calls import Call
from pipeline.web.paging import page
from pipeline.web.runs import requested_by

LONGEST_BODY = 1 << 20  # bytes that are shown


class DeliveryAnswer(Answer):
    """`forge_id`: by which it is known again, the forge's own or a hash of the body."""

    id: int
    forge: str
    forge_id: str
    event: str
    project: str
    services: list[str]
    received_at: Utc
    outcome: Outcome
    runs: list[int]
    ignored: str
    replay_of: int | None


class DeliveryDetail(DeliveryAnswer):
    """Without the proof that it came with. `body` is null when it is not kept any more; `size` is all of it."""

    headers: dict[str, str]
    body: str | None
    size: int
    replays: list[int]


class DeliveriesAnswer(Answer):
    deliveries: list[DeliveryAnswer]
    next: int | None


class ReplayAnswer(Answer):
    delivery: int
    replay_of: int
    runs: list[int]


def list_deliveries(ports: Ports, caller: Caller, query: DeliveriesQuery) -> DeliveriesAnswer:
    outcome = query.outcome.value if query.outcome else ""
    wanted = Wanted(query.service, query.forge, outcome, query.q)
    found, following = page(
        lambda limit, before: ports.inbox.deliveries(limit, before, wanted),
        lambda delivery: delivery.id,
        lambda _: True,
        query.limit,
        query.cursor or query.before,
    )
    return DeliveriesAnswer(deliveries=[_view(delivery) for delivery in found], next=following)


def show_delivery(ports: Ports, caller: Caller, delivery: int) -> DeliveryDetail:
    kept = ports.inbox.delivery(delivery)
    body = _body(kept, ports)
    return DeliveryDetail(
        **dict(_view(kept.delivery)),
        headers=kept_headers(kept.headers),
        body=None if body is None else body[:LONGEST_BODY].decode("utf-8", "replace"),
        size=len(body or b""),
        replays=list(kept.replays),
    )


def replay_delivery(ports: Ports, caller: Caller, delivery: int, body: NothingBody) -> ReplayAnswer:
    received = replay(delivery, requested_by(caller), ports)
    origin = ports.inbox.delivery(received.id).delivery.replay_of or delivery
    return ReplayAnswer(delivery=received.id, replay_of=origin, runs=list(received.runs))


def _view(delivery: Delivery) -> DeliveryAnswer:
    return DeliveryAnswer(
        id=delivery.id,
        forge=delivery.forge,
        forge_id=delivery.key,
        event=delivery.event,
        project=delivery.project,
        services=list(delivery.services),
        received_at=delivery.received_at,
        outcome=delivery.outcome,
        runs=list(delivery.runs),
        ignored=delivery.ignored,
        replay_of=delivery.replay_of,
    )


def _body(kept: Kept, ports: Ports) -> bytes | None:
    """Hidden once more: a secret may have come into the settings since."""
    return None if kept.body is None else kept_body(kept.body, ports.settings.services.values())


CALLS = (
    Call(
        "GET",
        "/deliveries",
        Role.VIEWER,
        "List webhooks and looks at repositories that told of something, newest first",
        list_deliveries,
        DeliveriesAnswer,
        query=DeliveriesQuery,
        errors=(400,),
        unbound=True,
    ),
    Call(
        "GET",
        "/deliveries/<id:delivery>",
        Role.VIEWER,
        "Show a delivery, with its headers, its body and what was decided",
        show_delivery,
        DeliveryDetail,
        errors=(404,),
        unbound=True,
    ),
    Call(
        "POST",
        "/deliveries/<id:delivery>/replay",
        Role.DEPLOYER,
        "Decide a delivery again with today's settings, and start its runs again",
        replay_delivery,
        ReplayAnswer,
        202,
        body=NothingBody,
        errors=(400, 404, 409, 413, 415, 503),
        unbound=True,
        action="delivery.replay",
    ),
)
