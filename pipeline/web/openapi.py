"""The OpenAPI 3.1 document, made from the table of calls and its models. Describes; decides nothing."""

import json
from functools import cache
from typing import TypeAlias, cast

from flask import Flask, Response
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from pipeline.web.answers import Answer
from pipeline.web.api import CALLS
from pipeline.web.calls import PREFIX, Call
from pipeline.web.house_answers import HookAnswer, ReadyAnswer
from pipeline.web.problems import MEDIA_TYPE, Problem

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
Described: TypeAlias = dict[str, Json]

ROOT = "#/components/schemas/"
ABOUT = (
    "Every call below /api wants a token: `Authorization: Bearer <token>`. Roles: viewer < deployer < admin; a token "
    "may be bound to services or environments. Errors are problem documents (RFC 9457). Times are RFC 3339 in UTC. "
    "Lists are newest first; `next` is the `cursor` of the next page, null on the last one. "
    "A stream resumes by `Last-Event-ID`."
)
MEANING = {
    200: "Done",
    201: "Made",
    202: "Accepted; it happens in the background",
    400: "Malformed, and why",
    401: "No token, or one that is not known; for a webhook: no signature, or a wrong one",
    403: "The token's role or bounds do not allow this",
    404: "No such thing",
    408: "The body did not arrive in time",
    409: "Not now, and what stands in the way",
    413: "The body is too large",
    415: "The body is not JSON",
    416: "None of the bytes that the header Range asks for are there yet",
    502: "Something outside answered no",
    503: "Something outside does not answer; come again",
}


def mount(app: Flask) -> None:
    @app.get(f"{PREFIX}/openapi.json", endpoint=f"GET {PREFIX}/openapi.json")
    def openapi_json() -> Response:
        return Response(_document(), mimetype="application/json")


@cache
def _document() -> str:
    """Made when somebody first asks: it costs more than all routes together."""
    return json.dumps(description(), separators=(",", ":"))


def description() -> Described:
    schemas = _schemas()
    return {
        "openapi": "3.1.0",
        "info": {"title": "Shipway", "version": "1", "description": ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": _paths(schemas),
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {name: schemas[name] for name in sorted(schemas) if name not in _queries()},
        },
    }


def _schemas() -> Described:
    sent = {model for call in CALLS for model in (call.body, call.query) if model}
    shown = {call.answer for call in CALLS if call.answer} | {HookAnswer, ReadyAnswer, Problem}
    sides: list[tuple[type[Answer], JsonSchemaMode]] = []
    sides += [(cast("type[Answer]", model), "validation") for model in sent]
    sides += [(cast("type[Answer]", model), "serialization") for model in shown]
    _, schema = models_json_schema(sides, ref_template=ROOT + "{model}")
    return cast("Described", schema["$defs"])


def _queries() -> set[str]:
    """Queries are described as parameters, one by one."""
    return {call.query.__name__ for call in CALLS if call.query}


def _paths(schemas: Described) -> Described:
    paths: dict[str, Described] = _house()
    for call in CALLS:
        paths.setdefault(call.open_path, {})[call.method.lower()] = _operation(call, schemas)
    return {path: item for path, item in paths.items()}


def _operation(call: Call, schemas: Described) -> Described:
    operation: Described = {
        "operationId": call.name,
        "summary": call.summary,
        "description": who(call),
        "tags": [call.path.split("/")[1]],
        "parameters": [*_path_parameters(call), *_query_parameters(call, schemas)],
        "responses": _responses(call),
    }
    if call.body:
        required = any(field.is_required() for field in call.body.model_fields.values())
        operation["requestBody"] = {"required": required, "content": _content(call.body.__name__)}
    return operation


def who(call: Call) -> str:
    bounds = " that is bound to nothing" if call.unbound else ""
    article = "an" if call.role.value[0] in "aeiou" else "a"
    return f"Needs {article} {call.role.value}'s token{bounds}."


def _path_parameters(call: Call) -> list[Json]:
    number: Described = {"type": "integer", "minimum": 1}
    text: Described = {"type": "string"}
    return [
        {"name": name, "in": "path", "required": True, "schema": number if is_id else text}
        for name, is_id in call.parameters
    ]


def _query_parameters(call: Call, schemas: Described) -> list[Json]:
    if call.query is None:
        return []
    model = cast("Described", schemas[call.query.__name__])
    required = cast("list[str]", model.get("required", []))
    properties = cast("dict[str, Json]", model["properties"])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": schema}
        for name, schema in properties.items()
    ]


def _responses(call: Call) -> Described:
    content: Described = {media: {"schema": _schema(call, media)} for media in call.media}
    answers: Described = {str(call.status): {"description": MEANING[call.status], "content": content}}
    for status in sorted({401, 403, *call.errors}):
        answers[str(status)] = _problem(status)
    return answers


def _schema(call: Call, media: str) -> Described:
    if call.answer is None or media != "application/json":
        return {"type": "string"}
    return {"$ref": ROOT + call.answer.__name__}


def _problem(status: int) -> Described:
    return {"description": MEANING[status], "content": _content("Problem", MEDIA_TYPE)}


def _content(model: str, media: str = "application/json") -> Described:
    return {media: {"schema": {"$ref": ROOT + model}}}


def _house() -> dict[str, Described]:
    """What is outside the table because no token is asked for."""
    hook: Described = {
        "operationId": "hook",
        "summary": "Receive a webhook",
        "description": "Signed as the forge does it. Durable before the answer.",
        "tags": ["hooks"],
        "security": [],
        "parameters": [{"name": "forge", "in": "path", "required": True, "schema": {"type": "string"}}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {}}}},
        "responses": {
            "202": {"description": "Runs were queued", "content": _content("HookAnswer")},
            "200": {
                "description": "Seen before, or nothing to do and why",
                "content": _content("HookAnswer"),
            },
            **{str(status): _problem(status) for status in (400, 401, 404, 408, 409, 413, 415, 503)},
        },
    }
    return {
        "/hooks/{forge}": {"post": hook},
        "/healthz": {"get": _probe("healthz", "Is this process alive", {"200": _said("It is")})},
        "/readyz": {
            "get": _probe(
                "readyz",
                "Is everything there that it needs",
                {
                    "200": {"description": "It is", "content": _content("ReadyAnswer")},
                    "503": {"description": "What is down", "content": _content("ReadyAnswer")},
                },
            )
        },
        "/metrics": {"get": _probe("metrics", "Figures for Prometheus", {"200": _said("The figures")})},
        f"{PREFIX}/openapi.json": {
            "get": {
                "operationId": "openapi",
                "summary": "This document",
                "tags": ["openapi"],
                "responses": {"200": _said("This document"), "401": _problem(401)},
            }
        },
    }


def _probe(name: str, summary: str, responses: Described) -> Described:
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["health"],
        "security": [],
        "responses": responses,
    }


def _said(text: str) -> Described:
    return {"description": text}
