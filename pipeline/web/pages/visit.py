"""One look of one person at one page: who it is, in which language and theme, and the way to the API's calls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from flask import Response
from pydantic import ValidationError

from pipeline.caller import Caller
from pipeline.ports import Ports
from pipeline.user import Session
from pipeline.web.answers import Answer
from pipeline.web.api import CALLS, perform
from pipeline.web.auth import RANK, Role, within
from pipeline.web.bodies import Sent
from pipeline.web.calls import Call
from pipeline.web.pages.language import Language
from pipeline.web.pages.log_index import LogIndexes
from pipeline.web.pages.navigation import Link
from pipeline.web.pages.pulse import Pulse
from pipeline.web.problems import refusal

A = TypeVar("A", bound=Answer | Response)

BY_NAME = {call.name: call for call in CALLS}


@dataclass(frozen=True)
class Visit:
    """`args` is the query of the address."""

    ports: Ports = field(repr=False)
    caller: Caller
    language: Language
    theme: str = ""  # dark, light; empty: as the system has it
    form_token: str = field(default="", repr=False)
    path: str = "/"
    args: Mapping[str, str] = field(default_factory=dict)
    pulse: Pulse = field(repr=False, kw_only=True)
    logs: LogIndexes = field(repr=False, kw_only=True)
    patience: float = 0.1  # seconds that this page may wait for what hosts say

    def ask(self, answer: type[A], name: str, sent: Mapping[str, str] | None = None, **path: str | int) -> A:
        """What the API's call `name` answers to this person: same rights, same function, same line in the audit."""
        call = BY_NAME[name]
        found = perform(call, self.ports, self.caller, path, lambda: _models(call, sent or {}))
        if not isinstance(found, answer):
            raise TypeError(f"{name} answers {type(found).__name__}, not {answer.__name__}")
        return found

    def may(self, role: str, service: str = "", environment: str = "") -> bool:
        """Whether a button makes sense; the call itself decides."""
        if not self.may_somewhere(role):
            return False
        return within(self.caller, service, environment) if service else not self.caller.scopes

    def reaches(self, link: Link) -> bool:
        return self.may(link.role) or (not link.unbound and self.may_somewhere(link.role))

    def may_somewhere(self, role: str) -> bool:
        return RANK.get(self.caller.role, 0) >= RANK[Role(role)]

    @property
    def signed_in(self) -> bool:
        return bool(self.caller.name)


def caller_behind(session: Session) -> Caller:
    user = session.user
    return Caller(user.name, user.role, user.scopes, kind="user")


NOBODY = Caller("", "", kind="user")


def _models(call: Call, sent: Mapping[str, str]) -> dict[str, Sent]:
    """Fields of a form or a query are text; an empty one was not filled in."""
    given = {name: value for name, value in sent.items() if value}
    models: dict[str, Sent] = {}
    try:
        if call.query is not None:
            models["query"] = call.query.model_validate_strings(given)
        if call.body is not None:
            models["body"] = call.body.model_validate_strings(given)
    except ValidationError as error:
        raise refusal(error, "form") from error
    return models
