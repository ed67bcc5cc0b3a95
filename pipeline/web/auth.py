"""Who may call what: bearer tokens, the three roles and the scopes of a token.

Decides only. The one thing it asks of the outside is the books of tokens, which compare hashes in constant time.

    viewer < deployer < admin        what a caller may do
    shop · shop/production           where; a token without scopes is good everywhere
"""

from enum import StrEnum

from pipeline.caller import Caller
from pipeline.errors import BadSignature, Forbidden
from pipeline.ports import Ports

LONGEST_TOKEN = 8192  # an id_token of a job is a thousand or two


class Role(StrEnum):
    VIEWER = "viewer"
    DEPLOYER = "deployer"
    ADMIN = "admin"


RANK = {str(role): rank for rank, role in enumerate(Role, start=1)}


def caller_of(authorization: str, ports: Ports) -> Caller:
    """The caller behind an `Authorization` header. Raises `BadSignature`."""
    scheme, _, text = authorization.strip().partition(" ")
    text = text.strip()
    if scheme.lower() != "bearer" or not text:
        raise BadSignature(
            "This call needs a token: send the header 'Authorization: Bearer <token>'. "
            "An administrator makes one with `shipway token create NAME`."
        )
    caller = ports.tokens.who(text) if len(text) <= LONGEST_TOKEN and text.isascii() else None
    if caller is None:
        raise BadSignature(
            "This token is not known here: it is misspelt, was revoked, or belongs to another Shipway. "
            "An administrator makes a new one: `shipway token create NAME`. Give it as SHIPWAY_TOKEN."
        )
    return caller


def demand(caller: Caller, role: Role) -> None:
    """Raises `Forbidden` when the caller's role is below `role`; an unknown role may do nothing."""
    if RANK.get(caller.role, 0) < RANK[role]:
        raise Forbidden(
            f"The {caller.kind} {caller.name!r} has the role {caller.role!r}; this call needs {role.value!r}. "
            + _more(caller, role)
        )


def demand_action(caller: Caller, action: str) -> None:
    """Raises `Forbidden` when the caller may change only other things."""
    if action and caller.actions and action not in caller.actions:
        raise Forbidden(
            f"{caller.name} may only ask for {', '.join(caller.actions)}, not for {action}. Use a token of Shipway's."
        )


def within(caller: Caller, service: str, environment: str = "") -> bool:
    """Whether a token reaches there. Without an environment: whether it reaches any of the service's."""
    if not caller.scopes or service in caller.scopes:
        return True
    if environment:
        return f"{service}/{environment}" in caller.scopes
    return any(scope.startswith(f"{service}/") for scope in caller.scopes)


def demand_within(caller: Caller, service: str, environment: str = "") -> None:
    if not within(caller, service, environment):
        place = f"{service}/{environment}" if environment else service
        raise Forbidden(
            f"The {caller.kind} {caller.name!r} is bound to {', '.join(caller.scopes)} and does not reach {place}. "
            f"{_advice(caller)}"
        )


def demand_everything(caller: Caller) -> None:
    """For calls that are about no service in particular: a bound token must not reach beyond its bounds by them."""
    if caller.scopes:
        raise Forbidden(
            f"The {caller.kind} {caller.name!r} is bound to {', '.join(caller.scopes)}; this call needs one that is not bound. "
            f"{_advice(caller)}"
        )


def _more(caller: Caller, role: Role) -> str:
    if caller.kind == "user":
        return "Ask an administrator."
    return f"An administrator makes one that may: `shipway token create NAME --role {role.value}`."


def _advice(caller: Caller) -> str:
    if caller.kind == "user":
        return "Ask an administrator."
    return "Use another token, or ask an administrator for one."
