"""`POST /hooks/<forge>`: hands a webhook to intake as raw bytes and answers what became of it. Decides nothing.

The signature is the authentication: no token is asked for, and nothing in the body is believed here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import Flask, Response, request

from pipeline.errors import ShipwayError
from pipeline.intake.inbox import Received
from pipeline.intake.receive import receive
from pipeline.ports import Ports
from pipeline.web.metrics import Figures

LARGEST_HOOK = 25 * 1024 * 1024
MOST_TARGETS = 50  # in one header line


@dataclass(frozen=True)
class Answered:
    """What is sent back, without what every answer carries."""

    status: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def mount(app: Flask, ports: Ports, figures: Figures) -> None:
    @app.post("/hooks/<forge>", endpoint="POST /hooks/{forge}")
    def hook(forge: str) -> Response:
        try:
            received = receive(forge, _headers(), request.get_data(cache=False), ports)
        except ShipwayError as error:
            refused(forge, error.status, ports, figures)
            raise
        given = answered(forge, received, ports, figures)
        return Response(given.content, given.status, dict(given.headers))


def answered(forge: str, received: Received, ports: Ports, figures: Figures) -> Answered:
    """Counts a webhook that was taken; gives what answers it."""
    figures.delivery(_known(forge, ports), _outcome(received))
    return _answer(received)


def refused(forge: str, status: int, ports: Ports, figures: Figures) -> None:
    """Counts one that was not."""
    figures.delivery(_known(forge, ports), f"refused {status}")


def _known(forge: str, ports: Ports) -> str:
    return forge if forge in ports.forges else "unknown"


def _headers() -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _outcome(received: Received) -> str:
    if received.duplicate:
        return "duplicate"
    return "accepted" if received.runs else "ignored"


def _answer(received: Received) -> Answered:
    """In the shape of `HookAnswer`, which describes it."""
    said: dict[str, object] = {"delivery": received.id}
    said |= {"runs": received.runs} if received.runs else {"ignored": received.ignored}
    said |= {"duplicate": True} if received.duplicate else {}
    status = 202 if received.runs and not received.duplicate else 200
    headers = {"Content-Type": "application/json"}
    if received.targets:  # our own git hook shows the pusher which environment each run is for
        headers["X-Shipway-Targets"] = ",".join(received.targets[:MOST_TARGETS])
    return Answered(status, json.dumps(said, separators=(",", ":")).encode(), headers)
