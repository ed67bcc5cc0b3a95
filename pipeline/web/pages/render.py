"""Templates become answers: escaping, the words of the language, and the headers that every page carries."""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlencode

from flask import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline import __version__
from pipeline.assets import templates_dir
from pipeline.web.pages.language import LANGUAGES
from pipeline.web.pages.marks import mark_of
from pipeline.web.pages.navigation import NAVIGATION
from pipeline.web.pages.static import address
from pipeline.web.pages.visit import Visit

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    # with no-referrer a browser would send `Origin: null` with our own forms
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Vary": "Cookie, Accept-Language",
}


def page(visit: Visit, template: str, context: Mapping[str, object], status: int = 200) -> Response:
    response = Response(text(visit, template, context), status, mimetype="text/html")
    for name, value in HEADERS.items():
        response.headers[name] = value
    response.headers["Content-Language"] = visit.language.tag
    return response


def text(visit: Visit, template: str, context: Mapping[str, object]) -> str:
    """`template` without its ending."""
    now = visit.ports.clock.now()
    language = visit.language

    def ago(moment: datetime) -> str:
        return language.ago(moment, now)

    def with_choice(name: str, value: str) -> str:
        return "?" + urlencode({**visit.args, name: value})

    def with_query() -> str:
        return "?" + urlencode(visit.args) if visit.args else ""

    words = {"_": language.say, "span": language.span, "took": language.took, "ago": ago, "now": now}
    ways = {"visit": visit, "with_choice": with_choice, "with_query": with_query}
    return environment().get_template(f"{template}.html.j2").render({**words, **ways, **context})


@lru_cache(maxsize=1)
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(templates_dir() / "web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    known = {"languages": LANGUAGES, "mark": mark_of, "navigation": NAVIGATION}
    made.globals.update({"static": address, "version": __version__, **known})
    made.filters["short"] = lambda commit: commit[:8]
    made.filters["headline"] = lambda message: message.strip().splitlines()[0] if message.strip() else ""
    made.filters["brief"] = lambda text: DIGEST.sub(r"\1…", text)
    return made
