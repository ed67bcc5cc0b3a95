"""One row a call: the table from which routes, checks, audit, OpenAPI and docs/api.md are all made. Nouns only."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from flask import Response

from pipeline.web.answers import Answer
from pipeline.web.auth import Role
from pipeline.web.bodies import Sent

PREFIX = "/api/v1"


@dataclass(frozen=True)
class Call:
    """`handler(ports, caller, **path, body=…, query=…)`, where body and query are passed when they have a model.

    A service and environment in the path are checked against the caller's scopes before the handler runs;
    a handler that learns them later (from a run, a query) checks them itself. `unbound`: only for tokens without scopes.
    """

    method: str
    path: str  # below PREFIX, in the words of Flask: /runs/<id:run>
    role: Role
    summary: str
    handler: Callable[..., Answer | Response]
    answer: type[Answer] | None  # None: text or a stream, as `media` says
    status: int = 200
    body: type[Sent] | None = None
    query: type[Sent] | None = None
    errors: tuple[int, ...] = ()
    unbound: bool = False
    action: str = ""  # what the audit calls it; empty for calls that change nothing
    media: tuple[str, ...] = ("application/json",)

    @property
    def open_path(self) -> str:
        """In the words of OpenAPI: /api/v1/runs/{run}."""
        return PREFIX + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", self.path)

    @property
    def name(self) -> str:
        """Unique among all calls; a client's generator makes a method of it."""
        return str(getattr(self.handler, "__name__", self.action.replace(".", "_")))

    @property
    def parameters(self) -> tuple[tuple[str, bool], ...]:
        """(name, is it an id) of every part of the path that varies."""
        found = re.findall(r"<(\w+:)?(\w+)>", self.path)
        return tuple((name, kind == "id:") for kind, name in found)
