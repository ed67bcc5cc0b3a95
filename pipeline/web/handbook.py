"""docs/api.md, made from the table of calls, so that it cannot say anything else than the server does.

Writes no file: `python -m pipeline.web.handbook > docs/api.md`.
"""

import sys
from collections.abc import Iterator
from itertools import groupby

from pydantic import BaseModel

from pipeline.web.api import CALLS
from pipeline.web.calls import Call
from pipeline.web.openapi import ABOUT, MEANING, who

HEAD = """# The HTTP API

This page is made from the code (`python -m pipeline.web.handbook > docs/api.md`) and a test compares them.
The same in OpenAPI 3.1, with every model: `GET /api/v1/openapi.json`.

"""
HOUSE = """
## Without a token

- `POST /hooks/<forge>`: 202 `{"delivery": id, "runs": [id, …]}`. The same delivery again: 200, the same ids and
  `"duplicate": true`. Nothing to do: 200 `{"delivery": id, "ignored": "why"}`. 401 not signed, or wrongly; 404 no service
  is built from this project; 400 malformed; 409 its id came before and told of another push; 413 over 25 MiB; 415 a
  multipart form; 503 the database did not take it within 6 s, send it again (it may have come all the same: then the
  answer is `"duplicate": true`). `<forge>` and what each wants: [forges.md](forges.md).
- `GET /healthz`: 200 while this process answers.
- `GET /readyz`: 200, or 503 and `down`: `database`, `redis`, `workers`.
- `GET /metrics`: figures for Prometheus.

## Streams

`GET /api/v1/runs/{run}/log?follow=1` and `GET /api/v1/deployments/{deployment}/events?follow=1` answer server-sent
events, as they do to `Accept: text/event-stream`. A log's `id:` is the number of bytes read so far, a history's is that
of its event; a client that was cut off sends the last one as `Last-Event-ID` and misses nothing. From the middle of a
character on, the whole character is sent. `event: end` with `{"status": "…"}` says that nothing will follow. Lines that
begin with `:` keep the connection alive.

As plain text a log is read from any byte on, exactly: `?offset=N`, or `Range: bytes=N-M`, `bytes=N-`, `bytes=-N` (206).

## Errors

A problem document (`application/problem+json`): `type` (`urn:shipway:problem:not-found`, …), `title`, `status`, `detail`
(a sentence: what, where, why, what to do now), `instance`, `request_id` (as in `X-Request-Id` and in the log), and
`errors` with `field` and `message` when fields were refused.

"""


def page() -> str:
    parts = [HEAD, ABOUT, "\n", HOUSE, _meanings(), "\n"]
    for tag, calls in groupby(sorted(CALLS, key=_tag), _tag):
        parts.append(f"## {tag.capitalize()}\n\n")
        parts += [_section(call) for call in calls]
    return "".join(parts).rstrip() + "\n"


def _tag(call: Call) -> str:
    return call.path.split("/")[1]


def _meanings() -> str:
    rows = "".join(f"| {status} | {meaning} |\n" for status, meaning in MEANING.items())
    return f"| status | meaning |\n|---|---|\n{rows}"


def _section(call: Call) -> str:
    lines = [f"### `{call.method} {call.open_path}`", "", f"{call.summary}. {who(call)}", ""]
    lines += _fields("Query", call.query) if call.query else []
    lines += _fields("Body", call.body) if call.body else []
    errors = ", ".join(str(status) for status in sorted({401, 403, *call.errors}))
    lines += [f"{call.status} {_answer(call)}. Errors: {errors}.", ""]
    return "\n".join(lines) + "\n"


def _fields(title: str, model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        needed = "required" if field.is_required() else f"default `{_default(field.default)}`"
        about = f": {field.description}" if field.description else ""
        yield f"- {title} `{field.alias or name}` ({needed}){about}"
    yield from ("",) if model.model_fields else ()


def _default(value: object) -> str:
    return {None: "null", "": '""'}.get(value, str(value)) if isinstance(value, str | None) else str(value)


def _answer(call: Call) -> str:
    if call.answer is None:
        return " or ".join(f"`{media}`" for media in call.media)
    return "{" + ", ".join(f"`{name}`" for name in call.answer.model_fields) + "}"


if __name__ == "__main__":
    sys.stdout.write(page())
