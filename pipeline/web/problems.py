"""Problem documents (RFC 9457): the one shape in which every error leaves the HTTP side.

Translates errors; never shows a traceback, and of an unexpected error shows nothing but the request's id.
"""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import Refused, ShipwayError

MEDIA_TYPE = "application/problem+json"


class FieldError(BaseModel):
    """One field of a body or a query that was refused."""

    field: str
    message: str


class Problem(BaseModel):
    """What went wrong, in RFC 9457's words."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="A stable name of the kind of problem: urn:shipway:problem:<kind>.")
    title: str
    status: int
    detail: str = Field(description="A sentence: what, where, why, and what to do now.")
    instance: str = Field(description="The path of the request.")
    request_id: str = Field(description="Also in the header X-Request-Id and in the server's log.")
    errors: list[FieldError] | None = None


class BadRequest(Refused):
    """A body or a query that does not fit its model; names every field."""

    def __init__(self, message: str, fields: Sequence[FieldError] = ()) -> None:
        super().__init__(message)
        self.fields = list(fields)


class NoSuchRange(Refused):
    """A range of bytes that is not there."""

    status = 416


class TooSlow(Refused):
    """A body that did not arrive in time."""

    status = 408


class Busy(ShipwayError):
    """Too much at once; the same request will do a little later."""

    status = 503


def problem_of(error: ShipwayError, path: str, request_id: str) -> Problem:
    fields = error.fields if isinstance(error, BadRequest) else None
    words = _words(type(error).__name__)
    return Problem(
        type=f"urn:shipway:problem:{'-'.join(words)}",
        title=" ".join(words).capitalize(),
        status=error.status,
        detail=str(error) or (type(error).__doc__ or "").strip(),
        instance=path,
        request_id=request_id,
        errors=fields or None,
    )


def plain_problem(status: int, detail: str, path: str, request_id: str) -> Problem:
    """For what HTTP itself refuses (no such path, wrong method) and for the unexpected."""
    title = HTTPStatus(status).phrase
    kind = "-".join(re.findall(r"[a-z]+", title.lower()))
    return Problem(
        type=f"urn:shipway:problem:{kind}",
        title=title.capitalize(),
        status=status,
        detail=detail,
        instance=path,
        request_id=request_id,
    )


def document(problem: Problem) -> bytes:
    return problem.model_dump_json(exclude_none=True).encode()


def headers_of(problem: Problem) -> Mapping[str, str]:
    """What HTTP wants beside the document: how to authenticate, when to come again."""
    headers = {"Content-Type": MEDIA_TYPE}
    if problem.status == HTTPStatus.UNAUTHORIZED:
        api = problem.instance.startswith("/api")
        headers["WWW-Authenticate"] = 'Bearer realm="shipway"' if api else 'Signature realm="shipway"'
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "5"
    return headers


def refusal(error: ValidationError, what: str) -> BadRequest:
    """What pydantic found, in sentences and without the value that was sent."""
    fields = [
        _field_error(str(e["type"]), tuple(e["loc"]), e["msg"]) for e in error.errors(include_url=False)
    ]
    said = "; ".join(f"{f.field}: {f.message}" if f.field else f.message for f in fields[:5])
    more = f" (and {len(fields) - 5} more)" if len(fields) > 5 else ""
    return BadRequest(f"The {what} was refused: {said}{more}.", fields[:50])


def _field_error(kind: str, place: tuple[int | str, ...], message: str) -> FieldError:
    field = ".".join(str(part) for part in place)[:200]
    if kind == "extra_forbidden":
        message = f"there is no field {field!r} here"
    return FieldError(
        field=field, message=message.removeprefix("Value error, ")[:300]
    )  # pydantic's own words


def _words(name: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z][a-z]+", name)]
