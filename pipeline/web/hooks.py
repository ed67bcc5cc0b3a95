"""`POST /hooks/<forge>`: hands a webhook to intake as raw bytes and answers what became of it. Decides nothing.

The signature is the authentication: no token is asked for, and nothing in the body is believed here.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from flask import Flask, Response, request

from pipeline.errors import ShipwayError
from pipeline.intake.inbox import Received
from pipeline.intake.receive import receive
from pipeline.ports import Ports
from pipeline.web.house_answers import HookAnswer
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
        with counting(forge, ports, figures) as answer:
            given = answer(receive(forge, _headers(), request.get_data(cache=False), ports))
        return Response(given.content, given.status, dict(given.headers))


@contextmanager
def counting(forge: str, ports: Ports, figures: Figures) -> Iterator[Callable[[Received], Answered]]:
    """Counts a webhook by what becomes of it inside; gives what answers it."""
    known = forge if forge in ports.forges else "unknown"

    def answer(received: Received) -> Answered:
        figures.delivery(known, _outcome(received))
        return _answer(received)

    try:
        yield answer
    except ShipwayError as error:
        figures.delivery(known, f"refused {error.status}")
        raise


def _headers() -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _outcome(received: Received) -> str:
    if received.duplicate:
        return "duplicate"
    return "accepted" if received.runs else "ignored"


def _answer(received: Received) -> Answered:
    said = HookAnswer(
        delivery=received.id,
        runs=list(received.runs) if received.runs else None,
        ignored=None if received.runs else received.ignored,
        duplicate=True if received.duplicate else None,
    )
    status = 202 if received.runs and not received.duplicate else 200
    headers = {"Content-Type": "application/json"}
    if received.targets:  # our own git hook shows the pusher which environment each run is for
        headers["X-Shipway-Targets"] = ",".join(received.targets[:MOST_TARGETS])
    return Answered(status, said.model_dump_json(exclude_none=True).encode(), headers)
