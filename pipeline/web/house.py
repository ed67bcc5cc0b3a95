"""The calls about Shipway itself: the audit, tokens, and who one is."""

from pipeline.caller import Caller
from pipeline.errors import BadConfig, NotFound
from pipeline.ports import Ports
from pipeline.web.auth import Role
from pipeline.web.bodies import Page, TokenBody
from pipeline.web.calls import Call
from pipeline.web.house_answers import (
    AuditAnswer,
    AuditEntry,
    CallerAnswer,
    TokenAnswer,
    TokenCreated,
    TokenRevoked,
    TokensAnswer,
)
from pipeline.web.paging import page


def list_audit(ports: Ports, caller: Caller, query: Page) -> AuditAnswer:
    found, following = page(
        ports.audit.entries, lambda entry: int(entry["id"]), lambda _: True, query.limit, query.cursor
    )
    fields = AuditEntry.model_fields
    entries = [AuditEntry.model_validate({name: entry[name] for name in fields}) for entry in found]
    return AuditAnswer(entries=entries, next=following)


def show_caller(ports: Ports, caller: Caller) -> CallerAnswer:
    return CallerAnswer(name=caller.name, role=caller.role, scopes=list(caller.scopes))


def list_tokens(ports: Ports, caller: Caller) -> TokensAnswer:
    tokens = [TokenAnswer(name=t.name, role=t.role, scopes=list(t.scopes)) for t in ports.tokens.tokens()]
    return TokensAnswer(tokens=tokens)


def create_token(ports: Ports, caller: Caller, body: TokenBody) -> TokenCreated:
    for scope in body.scopes:
        _check_scope(ports, scope)
    text = ports.tokens.create(body.name, body.role.value, body.scopes)
    return TokenCreated(name=body.name, role=body.role.value, scopes=body.scopes, token=text)


def revoke_token(ports: Ports, caller: Caller, token: str) -> TokenRevoked:
    ports.tokens.revoke(token)
    return TokenRevoked(revoked=token)


def _check_scope(ports: Ports, scope: str) -> None:
    """A misspelt scope would make a token that reaches nothing."""
    service, _, environment = scope.partition("/")
    try:
        if environment:
            ports.settings.environment(service, environment)
        else:
            ports.settings.service(service)
    except NotFound as error:
        raise BadConfig(f"The scope {scope!r} reaches nothing: {error}") from error


CALLS = (
    Call("GET", "/me", Role.VIEWER, "Show whose token this is", show_caller, CallerAnswer),
    Call(
        "GET",
        "/audit",
        Role.ADMIN,
        "List who did what, newest first",
        list_audit,
        AuditAnswer,
        query=Page,
        errors=(400,),
        unbound=True,
    ),
    Call("GET", "/tokens", Role.ADMIN, "List tokens", list_tokens, TokensAnswer, unbound=True),
    Call(
        "POST",
        "/tokens",
        Role.ADMIN,
        "Create a token",
        create_token,
        TokenCreated,
        201,
        body=TokenBody,
        errors=(400, 409, 413, 415),
        unbound=True,
        action="token.create",
    ),
    Call(
        "DELETE",
        "/tokens/<path:token>",
        Role.ADMIN,
        "Revoke a token",
        revoke_token,
        TokenRevoked,
        errors=(404,),
        unbound=True,
        action="token.revoke",
    ),
)
