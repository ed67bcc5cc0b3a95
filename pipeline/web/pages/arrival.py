"""Who a browser's request comes from: the session in its cookie, language and theme, and whether a form is our own."""

import hmac
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar
from urllib.parse import urlsplit

from flask import current_app, request
from werkzeug.wrappers import Response

from pipeline.errors import BadSignature, Forbidden
from pipeline.ports import Ports
from pipeline.web.pages.language import LANGUAGES, chosen
from pipeline.web.pages.visit import NOBODY, Visit, caller_behind

R = TypeVar("R", bound=Response)

THEMES = ("auto", "light", "dark")
YEAR = 365 * 24 * 3600
LONGEST_TEXT = 200  # of a cookie that is looked at


def arrive(ports: Ports) -> Visit:
    """The visit; by nobody when there is no good session."""
    visit = Visit(
        ports,
        NOBODY,
        chosen(
            request.args.get("lang", ""),
            request.cookies.get("lang", ""),
            request.headers.get("Accept-Language", ""),
        ),
        _theme(),
        path=request.path,
        args=request.args.to_dict(),
        pulse=current_app.extensions["shipway.pulse"],
        logs=current_app.extensions["shipway.logs"],
    )
    text = session_text(ports)
    session = ports.sessions.session(text) if text else None
    if session is None:
        return visit
    return replace(visit, caller=caller_behind(session), form_token=session.form_token)


def session_text(ports: Ports) -> str:
    text = request.cookies.get(session_cookie(ports), "")
    return text if len(text) <= LONGEST_TEXT else ""


def session_cookie(ports: Ports) -> str:
    """Over https under a name that only this very host can set."""
    return "__Host-shipway" if _secure(ports) else "shipway"


def keep(response: Response, name: str, value: str, ports: Ports, seconds: int | None = None) -> None:
    """`seconds` None: until the browser is closed."""
    response.set_cookie(
        name, value, max_age=seconds, path="/", httponly=True, samesite="Lax", secure=_secure(ports)
    )


def forget(response: Response, name: str, ports: Ports) -> None:
    response.delete_cookie(name, path="/", httponly=True, samesite="Lax", secure=_secure(ports))


def keep_choices(response: R, ports: Ports) -> R:
    """`?lang=` and `?theme=` on any page are remembered."""
    lang, theme = request.args.get("lang", ""), request.args.get("theme", "")
    if lang in LANGUAGES:
        keep(response, "lang", lang, ports, YEAR)
    if theme in THEMES:
        keep(response, "theme", theme, ports, YEAR)
    return response


def demand_ours(ports: Ports) -> None:
    """Browsers say where a form stood. Raises `Forbidden` when that was another site, or nobody says."""
    origin = request.headers.get("Origin", "")
    if not origin and request.headers.get("Sec-Fetch-Site") == "same-origin":
        return
    host = urlsplit(origin).netloc
    if origin and (host == request.host or origin == ports.settings.server.url.rstrip("/")):
        return
    raise Forbidden(
        "This form was sent from another site, so nothing was done. Open the page here, and send it again."
    )


def demand_token(visit: Visit) -> None:
    """Raises `Forbidden` when the form is not of this session."""
    sent = request.form.get("form_token", "")
    if not visit.form_token or not hmac.compare_digest(sent.encode(), visit.form_token.encode()):
        raise Forbidden(
            "This form belongs to a session that is over, so nothing was done. Open the page again, and send it again."
        )


def demand_signed_in(visit: Visit) -> None:
    if not visit.signed_in:
        raise BadSignature(
            "This page is for people who signed in, and you did not, or were signed out. Sign in."
        )


def still_signed_in(ports: Ports) -> Callable[[], bool]:
    """For a stream that outlives this request: raises `BadSignature` when the session is over."""
    session = session_text(ports)

    def check() -> bool:
        if ports.sessions.session(session) is None:
            raise BadSignature("This session is over. Sign in again.")
        return True

    return check


def local_path(address: str) -> str:
    """Where to go after signing in: a path of ours, never another site."""
    plain = address.isprintable() and address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if plain and "\\" not in address and len(address) < 500 else "/"


def _theme() -> str:
    theme = request.args.get("theme") or request.cookies.get("theme", "")
    return theme if theme in ("light", "dark") else ""


def _secure(ports: Ports) -> bool:
    return ports.settings.server.url.startswith("https://")
