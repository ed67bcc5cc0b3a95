"""A collector of traces that decodes OTLP's JSON strictly: every field known, ids in hexadecimal, 64-bit numbers as texts, every
parent there. After https://opentelemetry.io/docs/specs/otlp/ and opentelemetry-proto 1.x, `trace/v1/trace.proto`."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.parts.http_stand_in import Answering, listening

TRACE, SPAN, NUMBER = re.compile(r"[0-9a-f]{32}"), re.compile(r"[0-9a-f]{16}"), re.compile(r"[1-9]\d{17,18}")
FIELDS = {
    "resourceSpans": {"resource", "scopeSpans", "schemaUrl"},
    "scopeSpans": {"scope", "spans", "schemaUrl"},
    "span": {
        "traceId", "spanId", "parentSpanId", "traceState", "flags", "name", "kind", "startTimeUnixNano", "endTimeUnixNano",
        "attributes", "events", "links", "status",
    },
}  # fmt: skip
VALUES = {"stringValue": str, "intValue": str, "boolValue": bool, "doubleValue": float}


@dataclass
class Collector:
    """`answer`: what the next calls get instead."""

    address: str = ""
    spans: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answer: tuple[int, object] | None = None


@contextmanager
def collector() -> Iterator[Collector]:
    found = Collector()
    with listening(_handler(found)) as address:
        found.address = f"http://{address}"
        yield found


def _handler(found: Collector) -> type[Answering]:
    class Handler(Answering):
        def do_POST(self) -> None:
            raw = self.sent()
            found.headers.append(self.heads())
            self.answer(*(found.answer or self._taken(raw)))

        def _taken(self, raw: bytes) -> tuple[int, object]:
            if self.path != "/v1/traces" or self.headers.get("Content-Type") != "application/json":
                return 404, {"message": "404 page not found"}
            try:
                spans = decoded(json.loads(raw))
            except (AssertionError, KeyError, TypeError, ValueError) as error:
                return 400, {"message": f"{type(error).__name__}: {error}"}
            found.spans += spans
            return 200, {}

    return Handler


def decoded(body: dict[str, Any]) -> list[dict[str, Any]]:
    assert body.keys() == {"resourceSpans"}
    spans = []
    for resource in body["resourceSpans"]:
        assert resource.keys() <= FIELDS["resourceSpans"]
        assert _values(resource["resource"]["attributes"])["service.name"]
        for scope in resource["scopeSpans"]:
            assert scope.keys() <= FIELDS["scopeSpans"]
            spans += [_span(span) for span in scope["spans"]]
    ids = {span["spanId"] for span in spans}
    assert len(ids) == len(spans), "span ids repeat"
    assert all(span.get("parentSpanId") is None or span["parentSpanId"] in ids for span in spans), (
        "a parent is missing"
    )
    return spans


def _span(span: dict[str, Any]) -> dict[str, Any]:
    assert span.keys() <= FIELDS["span"], span.keys() - FIELDS["span"]
    assert TRACE.fullmatch(span["traceId"])
    assert SPAN.fullmatch(span["spanId"])
    assert span["kind"] in range(6)
    assert span["name"]
    for name in ("startTimeUnixNano", "endTimeUnixNano"):
        assert isinstance(span[name], str)
        assert NUMBER.fullmatch(span[name])
    assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
    assert span.get("status", {"code": 0}).keys() <= {"code", "message"}
    return {**span, "attributes": _values(span["attributes"])}


def _values(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    found = {}
    for pair in pairs:
        ((kind, value),) = pair["value"].items()
        assert isinstance(value, VALUES[kind])
        found[pair["key"]] = value
    return found
