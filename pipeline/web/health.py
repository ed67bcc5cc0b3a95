"""`/healthz` (this process answers) and `/readyz` (so does what it needs, and if not, what is down).

Open to everybody, so the answers name parts and never an address; the log has the rest.
"""

import logging
from collections.abc import Callable

from flask import Flask, Response, request

from pipeline.errors import Refused, ShipwayError, Unreachable
from pipeline.ports import Ports
from pipeline.web.house_answers import CheckAnswer, ReadyAnswer

log = logging.getLogger("shipway.web")

DOWN = {
    "database": "The database does not answer. Webhooks are refused with 503 until it does.",
    "redis": "Redis does not answer. Webhooks are still accepted; their runs start when it is back.",
    "workers": "No worker is alive. Webhooks are accepted; their runs wait. Start one with 'shipway work'.",
}


def mount(app: Flask, ports: Ports) -> None:
    @app.get("/healthz", endpoint="GET /healthz")
    def healthz() -> Response:
        return Response('{"status":"ok"}', mimetype="application/json")

    @app.get("/readyz", endpoint="GET /readyz")
    def readyz() -> Response:
        answer = readiness(ports, _wanted(request.args.get("only", "")))
        return Response(answer.model_dump_json(), 200 if answer.ready else 503, mimetype="application/json")


def readiness(ports: Ports, only: frozenset[str] = frozenset(DOWN)) -> ReadyAnswer:
    """`only`: the parts that are asked. A front of several servers asks for the database alone: without the others webhooks
    are still taken, so no server may be taken out for them."""
    looks = {
        "database": lambda: _touch(ports.runs.runs(limit=1)),
        "redis": lambda: _touch(ports.queue.depth()),
        "workers": lambda: _demand_workers(ports),
    }
    checks = [_check(name, look) for name, look in looks.items() if name in only]
    down = [check.name for check in checks if not check.ok]
    return ReadyAnswer(ready=not down, down=down, checks=checks)


def _wanted(text: str) -> frozenset[str]:
    names = frozenset(name for name in text.split(",") if name)
    if unknown := sorted(names - DOWN.keys()):
        raise Refused(f"/readyz: there is no part {unknown[0]!r}. Parts: {', '.join(DOWN)}.")
    return names or frozenset(DOWN)


def _check(name: str, look: Callable[[], None]) -> CheckAnswer:
    try:
        look()
    except ShipwayError as error:
        log.warning("not ready", extra={"check": name, "error": str(error)})
        return CheckAnswer(name=name, ok=False, detail=DOWN[name])
    return CheckAnswer(name=name, ok=True, detail="")


def _touch(answer: object) -> None:
    """That there was an answer is all that counts."""


def _demand_workers(ports: Ports) -> None:
    if ports.queue.workers() < 1:
        raise Unreachable("no worker gave a sign of life")
