"""Signing in and out: a name and a password, GitLab, or the link for the first user. Sessions are new at each sign-in."""

import hmac
import logging
import secrets

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from pipeline.errors import BadSignature, Conflict, Forbidden, NotFound, Refused, TooMany
from pipeline.ports import Ports
from pipeline.secret import Secret
from pipeline.user import User, role_of
from pipeline.web.auth import Role
from pipeline.web.pages.arrival import (
    arrive,
    demand_ours,
    demand_signed_in,
    demand_token,
    forget,
    keep,
    keep_choices,
    local_path,
    session_cookie,
    session_text,
)
from pipeline.web.pages.render import page

log = logging.getLogger("shipway.web")

STATE_COOKIE = "shipway-state"
STATE_SECONDS = 600
LONGEST_NAME = 100


def mount(app: Flask, ports: Ports) -> None:
    @app.get("/sign-in", endpoint="GET /sign-in")
    def show() -> AnyResponse:
        to = local_path(request.args.get("to", "/"))
        if arrive(ports).signed_in:
            return redirect(to, 303)
        return keep_choices(_asking(ports, to), ports)

    @app.post("/sign-in", endpoint="POST /sign-in")
    def enter() -> AnyResponse:
        demand_ours(ports)
        name, to = (
            request.form.get("name", "").strip()[:LONGEST_NAME],
            local_path(request.form.get("to", "/")),
        )
        try:
            user = ports.users.prove(
                name, Secret(request.form.get("password", "")), request.remote_addr or ""
            )
        except (BadSignature, TooMany) as error:
            log.warning(
                "sign-in refused", extra={"address": request.remote_addr, "reason": type(error).__name__}
            )
            return _asking(ports, to, error, name)
        return _in(ports, user, to)

    @app.post("/sign-out", endpoint="POST /sign-out")
    def leave() -> AnyResponse:
        demand_ours(ports)
        visit = arrive(ports)
        demand_signed_in(visit)
        demand_token(visit)
        ports.sessions.close(session_text(ports))
        response = redirect("/sign-in", 303)
        forget(response, session_cookie(ports), ports)
        return response

    _mount_gitlab(app, ports)
    _mount_first(app, ports)


def _mount_gitlab(app: Flask, ports: Ports) -> None:
    @app.get("/sign-in/gitlab", endpoint="GET /sign-in/gitlab")
    def go() -> AnyResponse:
        provider = ports.providers.get("gitlab")
        if provider is None:
            raise NotFound("Nobody signs in with GitLab here: shipway.yml has no server.sign_in.gitlab.")
        nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        note = {"nonce": nonce, "verifier": verifier, "to": local_path(request.args.get("to", "/"))}
        state = ports.sessions.issue("gitlab", note, STATE_SECONDS)
        response = redirect(provider.address(_back(ports), state, nonce, verifier), 303)
        keep(response, STATE_COOKIE, state, ports, STATE_SECONDS)
        return response

    @app.get("/sign-in/gitlab/back", endpoint="GET /sign-in/gitlab/back")
    def come_back() -> AnyResponse:
        try:
            user, to = _by_gitlab(ports)
        except (BadSignature, Conflict, Forbidden) as error:
            return _asking(ports, "/", error)
        response = _in(ports, user, to)
        forget(response, STATE_COOKIE, ports)
        return response


def _by_gitlab(ports: Ports) -> tuple[User, str]:
    """The state must be of this very browser: else somebody could sign another person in as himself."""
    state = request.args.get("state", "")
    same = hmac.compare_digest(state.encode(), request.cookies.get(STATE_COOKIE, "").encode())
    note = ports.sessions.redeem("gitlab", state) if state and same else None
    provider, gitlab = ports.providers.get("gitlab"), ports.settings.server.gitlab
    code = request.args.get("code", "")
    if note is None or provider is None or gitlab is None or not code:
        raise BadSignature(
            "This sign-in was not begun here, took longer than ten minutes, or was refused. Begin again."
        )
    person = provider.person(code, _back(ports), note["nonce"], note["verifier"])
    role = role_of(person.groups, gitlab.allow)
    if not role:
        raise Forbidden(
            f"{person.name} is in no GitLab group that may come in here. An administrator can add one to "
            "server.sign_in.gitlab.allow in shipway.yml."
        )
    return ports.users.welcome(person, "gitlab", role), note["to"]


def _mount_first(app: Flask, ports: Ports) -> None:
    @app.get("/welcome", endpoint="GET /welcome")
    def show() -> AnyResponse:
        ticket = request.args.get("ticket", "")
        _demand_first(ports, ticket)
        return keep_choices(
            page(arrive(ports), "welcome", {"ticket": ticket, "name": "", "error": ""}), ports
        )

    @app.post("/welcome", endpoint="POST /welcome")
    def make() -> AnyResponse:
        demand_ours(ports)
        ticket, name = request.form.get("ticket", ""), request.form.get("name", "").strip()[:LONGEST_NAME]
        _demand_first(ports, ticket)
        try:
            ports.users.create(name, Role.ADMIN.value, (), Secret(request.form.get("password", "")))
        except Refused as error:
            return page(
                arrive(ports), "welcome", {"ticket": ticket, "name": name, "error": str(error)}, error.status
            )
        ports.sessions.redeem("first-user", ticket)
        ports.audit.note(f"user:{name}", "user.create", name, "the first user, by the link of `shipway up`")
        return _in(ports, User(name, Role.ADMIN.value), "/")


def _demand_first(ports: Ports, ticket: str) -> None:
    if ports.users.users() or ports.sessions.note("first-user", ticket) is None:
        raise Forbidden(
            "This link was for the first user, good once and for a day. `shipway user create` on the server makes others."
        )


def _asking(ports: Ports, to: str, error: Refused | None = None, name: str = "") -> Response:
    status = error.status if error else 200
    context = {"to": to, "name": name, "error": str(error or ""), "gitlab": "gitlab" in ports.providers}
    response = page(arrive(ports), "sign_in", context, status)
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(int(error.seconds) + 1)
    return response


def _in(ports: Ports, user: User, to: str) -> AnyResponse:
    """A session that somebody may have planted in this browser before is not gone on with."""
    before = session_text(ports)
    if before:
        ports.sessions.close(before)
    text = ports.sessions.open(user.name)
    ports.audit.note(f"user:{user.name}", "sign-in", user.name, f"{user.origin}, from {request.remote_addr}")
    response = redirect(to, 303)
    keep(response, session_cookie(ports), text, ports)
    return response


def _back(ports: Ports) -> str:
    return f"{ports.settings.server.url.rstrip('/')}/sign-in/gitlab/back"
