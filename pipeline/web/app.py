"""The Flask application: routes of the house, request ids, security headers, and every error as a problem document.

Built from `Ports` alone. Decides no status but that of the unexpected: 500, a request id and a sentence.
"""

import logging
import random
import re
import time
from collections.abc import Callable

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from pipeline.errors import ShipwayError
from pipeline.ports import Ports
from pipeline.web import api, health, hooks, metrics, openapi
from pipeline.web.auth import caller_of
from pipeline.web.hooks import LARGEST_HOOK, Answered
from pipeline.web.metrics import Figures
from pipeline.web.pages import site
from pipeline.web.problems import Problem, document, headers_of, plain_problem, problem_of

log = logging.getLogger("shipway.web")

LARGEST_BODY = 1024 * 1024  # of anything but a webhook
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def create_app(ports: Ports) -> Flask:
    app = Flask("shipway", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_HOOK
    figures = Figures(ports)
    app.extensions["shipway.figures"] = figures
    _mount_edges(app, ports, figures)
    _mount_errors(app, ports)
    hooks.mount(app, ports, figures)
    health.mount(app, ports)
    metrics.mount(app, figures)
    api.mount(app, ports)
    openapi.mount(app)
    site.mount(app, ports)
    return app


def _mount_edges(app: Flask, ports: Ports, figures: Figures) -> None:
    @app.before_request
    def arrive() -> None:
        g.request_id = request_id_of(request.headers.get("X-Request-Id", ""))
        g.started = time.monotonic()
        if not request.path.startswith("/hooks/"):
            request.max_content_length = LARGEST_BODY
        if request.path == "/api" or request.path.startswith("/api/"):
            g.caller = caller_of(request.headers.get("Authorization", ""), ports)

    @app.after_request
    def leave(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers["X-Request-Id"] = g.request_id
        _record(response, figures)
        return response


def _mount_errors(app: Flask, ports: Ports) -> None:
    @app.errorhandler(ShipwayError)
    def refused(error: ShipwayError) -> Response:
        return _answer(ports, _refused(error, request.path, g.request_id))

    @app.errorhandler(HTTPException)
    def refused_by_http(error: HTTPException) -> Response:
        response = _answer(
            ports, plain_problem(error.code or 500, _sentence(error), request.path, g.request_id)
        )
        for name, value in error.get_headers():
            if name == "Allow":
                response.headers[name] = value
        return response

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        log.exception("unexpected error", extra={"request_id": g.request_id, "path": request.path})
        return _answer(ports, _unexpected(request.path, g.request_id))


def guarded(work: Callable[[], None], path: str, request_id: str, answer: Callable[[Answered], None]) -> None:
    """Answers with a problem document when the work fails: for a road that does not lead through the application."""
    try:
        return work()
    except ShipwayError as error:
        problem = _refused(error, path, request_id)
    except Exception:
        log.exception("unexpected error", extra={"request_id": request_id, "path": path})
        problem = _unexpected(path, request_id)
    return answer(Answered(problem.status, document(problem), headers_of(problem)))


def _refused(error: ShipwayError, path: str, request_id: str) -> Problem:
    if error.status >= 500:
        log.error("request failed", extra={"request_id": request_id, "error": str(error)})
    return problem_of(error, path, request_id)


def _unexpected(path: str, request_id: str) -> Problem:
    detail = f"Shipway met an error it did not expect. Its log has the reason under {request_id}."
    return plain_problem(500, detail, path, request_id)


def _answer(ports: Ports, problem: Problem) -> Response:
    if site.is_page():
        return site.trouble(ports, problem)
    return Response(document(problem), problem.status, headers_of(problem))


def _sentence(error: HTTPException) -> str:
    if isinstance(error, RequestEntityTooLarge):
        limit = request.max_content_length or LARGEST_HOOK
        return f"The body is larger than the {limit} bytes this path accepts."
    if error.code == 404:
        return f"There is nothing at {request.path}. /api/v1/openapi.json lists every path."
    if error.code == 405:
        return f"{request.method} is not a method of {request.path}."
    return error.description or "The request was refused."


def request_id_of(given: str) -> str:
    """The caller's own when it is harmless in a log, so that one id follows a request through every proxy."""
    if given and re.fullmatch(r"[A-Za-z0-9._-]{8,64}", given):
        return given
    return f"{random.getrandbits(64):016x}"


def _record(response: Response, figures: Figures) -> None:
    seconds = time.monotonic() - g.started
    route = request.endpoint.partition(" ")[2] if request.endpoint else "none"
    figures.request(request.method if request.endpoint else "any", route, response.status_code, seconds)
    caller = g.get("caller")
    name = caller.name if caller else ""
    log_request(request.method, request.path, response.status_code, seconds, g.request_id, name)


def log_request(
    method: str, path: str, status: int, seconds: float, request_id: str, caller: str = ""
) -> None:
    log.info(
        "request",
        extra={
            "method": method,
            "path": path,
            "status": status,
            "milliseconds": round(seconds * 1000, 1),
            "request_id": request_id,
            "caller": caller,
        },
    )
