"""Makes routes of the table of calls: checks the caller, validates what was sent, audits, answers.

Decides who may pass and nothing about what a call does.
"""

import logging
from collections.abc import Callable, Mapping

from flask import Flask, Response, g, request
from pydantic import ValidationError
from werkzeug.routing import BaseConverter

from pipeline.caller import Caller
from pipeline.errors import ShipwayError, Unsupported
from pipeline.ports import Ports
from pipeline.web import (
    deliveries,
    deployments,
    enrolment,
    figures,
    freezes,
    house,
    notices,
    overview,
    places,
    retention,
    runs,
    secrets,
    services,
)
from pipeline.web.answers import Answer
from pipeline.web.auth import demand, demand_action, demand_everything, demand_within
from pipeline.web.bodies import LARGEST_ID, Sent
from pipeline.web.calls import PREFIX, Call
from pipeline.web.problems import refusal

log = logging.getLogger("shipway.web")

CALLS: tuple[Call, ...] = (
    *overview.CALLS,
    *services.CALLS,
    *places.CALLS,
    *enrolment.CALLS,
    *runs.CALLS,
    *deployments.CALLS,
    *freezes.CALLS,
    *retention.CALLS,
    *deliveries.CALLS,
    *secrets.CALLS,
    *notices.CALLS,
    *figures.CALLS,
    *house.CALLS,
)


class IdConverter(BaseConverter):
    """A number that an integer column can hold; anything else is no such path."""

    regex = r"[1-9]\d{0,9}"

    def to_python(self, value: str) -> int:
        return min(int(value), LARGEST_ID)


def mount(app: Flask, ports: Ports) -> None:
    app.url_map.converters["id"] = IdConverter
    for call in CALLS:
        app.add_url_rule(
            PREFIX + call.path,
            endpoint=f"{call.method} {call.open_path}",
            view_func=_view(call, ports),
            methods=[call.method],
        )


def perform(
    call: Call,
    ports: Ports,
    caller: Caller,
    path: Mapping[str, str | int],
    sent: Callable[[], dict[str, Sent]],
) -> Answer | Response:
    """The one way into a call, for the API and for pages: rights first, then what was sent, then the deed, audited."""
    _admit(call, caller, path)
    if call.action:
        return _audited(call, ports, caller, path, sent())
    return call.handler(ports, caller, **path, **sent())


def _view(call: Call, ports: Ports) -> Callable[..., Response]:
    def view(**path: str | int) -> Response:
        return _response(perform(call, ports, g.caller, path, lambda: _sent(call)), call.status)

    return view


def _admit(call: Call, caller: Caller, path: Mapping[str, str | int]) -> None:
    demand(caller, call.role)
    demand_action(caller, call.action)
    if call.unbound:
        demand_everything(caller)
    if "service" in path:
        demand_within(caller, str(path["service"]), str(path.get("environment", "")))


def _sent(call: Call) -> dict[str, Sent]:
    sent: dict[str, Sent] = {}
    if call.query is not None:
        try:
            sent["query"] = call.query.model_validate_strings(request.args.to_dict())
        except ValidationError as error:
            raise refusal(error, "query") from error
    if call.body is not None:
        sent["body"] = _body(call.body)
    return sent


def _body(model: type[Sent]) -> Sent:
    """JSON or nothing. Nothing means `{}`: the model says whether that is enough."""
    raw = request.get_data(cache=False)
    if raw.strip() and not request.is_json:
        raise Unsupported(
            f"The body is {request.mimetype or 'of no stated type'}. Send JSON, with 'Content-Type: application/json'."
        )
    try:
        return model.model_validate_json(raw.strip() or b"{}")
    except ValidationError as error:
        raise refusal(error, "body") from error


def _audited(
    call: Call, ports: Ports, caller: Caller, path: Mapping[str, str | int], sent: Mapping[str, Sent]
) -> Answer | Response:
    """Who asked for what, and what became of it; also when it was refused. Never an answer's secrets."""
    target = _target(call, path, sent)
    said = sent.get("body") or sent.get("query")
    asked = said.model_dump_json(exclude_none=True, by_alias=True) if said else "{}"
    try:
        answer = call.handler(ports, caller, **path, **sent)
    except ShipwayError as error:
        ports.audit.note(caller.signature, call.action, target, f"{asked} refused: {error}")
        raise
    made = [
        f"{name} {getattr(answer, name)}"
        for name in ("run", "runs", "deployment", "deployments")
        if hasattr(answer, name)
    ]
    ports.audit.note(caller.signature, call.action, target, f"{asked} accepted: {', '.join(made) or 'done'}")
    return answer


def _target(call: Call, path: Mapping[str, str | int], sent: Mapping[str, Sent]) -> str:
    if "service" in path:
        return "/".join(str(part) for part in path.values())
    named = [f"{kind} {value}" for kind, value in path.items()]
    name = getattr(sent.get("body"), "name", "")
    kind = call.action.partition(".")[0]
    return named[0] if named else f"{kind} {name}" if name else "everything"


def _response(answer: Answer | Response, status: int) -> Response:
    if isinstance(answer, Response):
        return answer
    return Response(answer.model_dump_json(), status, mimetype="application/json")
