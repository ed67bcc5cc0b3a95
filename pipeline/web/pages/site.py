"""Makes routes of the table of pages: who comes in, what they see, and how a refusal looks."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, cast
from urllib.parse import quote

from flask import Flask, Response, g, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from pipeline.errors import BadSignature, ShipwayError
from pipeline.people import NoSessions
from pipeline.ports import Ports
from pipeline.web.auth import demand
from pipeline.web.pages import (
    audit,
    bring,
    deeds,
    deployment,
    difference,
    figures,
    freezing,
    hosts,
    ledger,
    overview,
    releases,
    run,
    run_log,
    service,
    sign_in,
    static,
)
from pipeline.web.pages.advice import now
from pipeline.web.pages.arrival import (
    arrive,
    demand_ours,
    demand_signed_in,
    demand_token,
    keep_choices,
    still_signed_in,
)
from pipeline.web.pages.feed import PartFeed
from pipeline.web.pages.log_index import LogIndexes
from pipeline.web.pages.page import Form, Page, Resource
from pipeline.web.pages.pulse import Pulse
from pipeline.web.pages.render import page, text
from pipeline.web.pages.visit import Visit
from pipeline.web.problems import Problem
from pipeline.web.runs import resume_at, stream

PAGES: tuple[Page, ...] = (
    *overview.PAGES,
    *service.PAGES,
    *figures.PAGES,
    *bring.PAGES,
    *releases.PAGES,
    *run.PAGES,
    *deployment.PAGES,
    *deeds.PAGES,
    *difference.PAGES,
    *hosts.PAGES,
    *ledger.PAGES,
    *audit.PAGES,
)
FORMS: tuple[Form, ...] = (
    *bring.FORMS,
    *freezing.FORMS,
    *deeds.FORMS,
    *hosts.FORMS,
    *ledger.FORMS,
)
RESOURCES: tuple[Resource, ...] = (*run_log.RESOURCES,)
OTHERS = ("/api", "/hooks/", "/static/", "/healthz", "/readyz", "/metrics")  # where no page is


def mount(app: Flask, ports: Ports) -> None:
    app.extensions["shipway.pulse"] = Pulse(ports)
    app.extensions["shipway.logs"] = LogIndexes(ports)
    static.mount(app)
    sign_in.mount(app, ports)
    for row in PAGES:
        _route(app, "GET", row.path, _guarded(ports, partial(_show, ports, row)))
        if row.live:
            _route(app, "GET", live_path(row.path), partial(_follow, ports, row))
    for form in FORMS:
        _route(app, "POST", form.path, _guarded(ports, partial(_act, ports, form)))
    for resource in RESOURCES:
        _route(app, "GET", resource.path, partial(_give, ports, resource))


def live_path(path: str) -> str:
    return f"{path.rstrip('/')}/live"


def is_page() -> bool:
    """Whether whoever asks would rather read a page than a problem document."""
    return "text/html" in request.headers.get("Accept", "") and not request.path.startswith(OTHERS)


def trouble(ports: Ports, problem: Problem) -> Response:
    """A refusal as a page; also when it is the database that refuses, and nobody can say who is asking."""
    try:
        visit = arrive(ports)
    except ShipwayError:
        visit = arrive(replace(ports, sessions=NoSessions()))
    return page(visit, "trouble", {"problem": problem, "now": now(problem.status)}, problem.status)


def _route(app: Flask, method: str, path: str, view: Callable[..., object]) -> None:
    endpoint = re.sub(r"<(?:[a-z]+:)?([a-z]+)>", r"{\1}", f"{method} {path}")
    app.add_url_rule(path, endpoint=endpoint, view_func=cast("Any", view), methods=[method])


def _guarded(ports: Ports, view: Callable[..., AnyResponse]) -> Callable[..., AnyResponse]:
    """What is refused is shown where it was asked for; who is not signed in goes there and comes back."""

    def guarded(**path: str | int) -> AnyResponse:
        try:
            return view(**path)
        except BadSignature:
            return redirect(
                f"/sign-in?to={quote(request.full_path.rstrip('?') if request.method == 'GET' else '/')}", 303
            )

    return guarded


def _show(ports: Ports, row: Page, **path: str | int) -> Response:
    visit = _visitor(ports, row)
    return keep_choices(page(visit, row.template, _context(row, visit, path)), ports)


def _follow(ports: Ports, row: Page, **path: str | int) -> Response:
    """Readers of equal rights share one making, so it knows neither who they are nor a form's token."""
    visit = _visitor(ports, row)
    reader = visit.caller.role, visit.caller.scopes, visit.language.code, sorted(visit.args.items())
    anybody = replace(
        visit,
        caller=replace(visit.caller, name="reader"),
        form_token="",
        patience=0.0,
        path=request.path.removesuffix("/live") or "/",
    )

    def make() -> str:
        return text(anybody, f"{row.template}_live", (row.move or row.show)(anybody, **path))

    make()  # what is refused is refused now, while there still is a status to say it with
    feed = PartFeed(f"part:{anybody.path}:{reader}", make)
    return stream(feed, resume_at(0), ports, still_signed_in(ports))


def _give(ports: Ports, resource: Resource, **path: str | int) -> Response:
    """A script is told 401; it cannot follow somebody to the page where one signs in."""
    visit = _visitor(ports, resource)
    return resource.give(visit, **path)


def _act(ports: Ports, form: Form, **path: str | int) -> AnyResponse:
    demand_ours(ports)
    visit = arrive(ports)
    demand_signed_in(visit)
    demand_token(visit)
    g.caller = visit.caller
    demand(visit.caller, form.role)
    fields = {name: value for name, value in request.form.items() if name != "form_token"}
    done = form.act(visit, fields, **path)
    return redirect(done, 303) if isinstance(done, str) else done


def _visitor(ports: Ports, row: Page | Resource) -> Visit:
    visit = arrive(ports)
    demand_signed_in(visit)
    g.caller = visit.caller
    demand(visit.caller, row.role)
    return visit


def _context(row: Page, visit: Visit, path: Mapping[str, str | int]) -> dict[str, object]:
    live = {"live": live_path(visit.path)} if row.live else {}
    return {**live, **row.show(visit, **path)}
