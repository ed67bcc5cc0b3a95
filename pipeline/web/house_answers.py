"""What the API answers about Shipway itself: the audit, tokens, readiness."""

from pipeline.web.answers import Answer, Utc


class AuditEntry(Answer):
    id: int
    at: Utc
    actor: str
    action: str
    target: str
    detail: str


class AuditAnswer(Answer):
    entries: list[AuditEntry]
    next: int | None


class TokenAnswer(Answer):
    name: str
    role: str
    scopes: list[str]


class TokensAnswer(Answer):
    tokens: list[TokenAnswer]


class TokenCreated(TokenAnswer):
    """`token` is shown this once and cannot be read again."""

    token: str


class TokenRevoked(Answer):
    revoked: str


class CallerAnswer(Answer):
    """Who the token of this request is."""

    name: str
    role: str
    scopes: list[str]


class HookAnswer(Answer):
    delivery: int
    runs: list[int] | None = None
    ignored: str | None = None
    duplicate: bool | None = None


class CheckAnswer(Answer):
    name: str
    ok: bool
    detail: str


class ReadyAnswer(Answer):
    ready: bool
    down: list[str]
    checks: list[CheckAnswer]
