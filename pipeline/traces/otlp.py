"""RULE: spans as OTLP's JSON (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding). Pure.

Ids are hashes of where Shipway is and what the span is of: sent twice, it is the same trace.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline import __version__
from pipeline.traces.trace import Span

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INTERNAL, ERROR = 1, 2
LONGEST = 1000  # characters of an error


def otlp(spans: Sequence[Span], run: int, url: str) -> str:
    trace = hashlib.sha256(f"{url}/runs/{run}".encode()).hexdigest()[:32]
    resource = {"service.name": "shipway", "service.version": __version__, "service.instance.id": url}
    scope = {"name": "shipway", "version": __version__}
    found = {"scope": scope, "spans": [_span(trace, span) for span in spans]}
    whole = {"resourceSpans": [{"resource": {"attributes": _pairs(resource)}, "scopeSpans": [found]}]}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def _span(trace: str, span: Span) -> dict[str, Any]:
    found: dict[str, Any] = {
        "traceId": trace,
        "spanId": _id(trace, span.key),
        "name": span.name,
        "kind": INTERNAL,
        "startTimeUnixNano": _nanoseconds(span.begin),
        "endTimeUnixNano": _nanoseconds(span.end),
        "attributes": _pairs(span.attributes),
    }
    if span.parent:
        found["parentSpanId"] = _id(trace, span.parent)
    if span.failed:
        found["status"] = {"code": ERROR, "message": span.error[:LONGEST]}
    return found


def _id(trace: str, key: str) -> str:
    return hashlib.sha256(f"{trace} {key}".encode()).hexdigest()[:16]


def _nanoseconds(at: datetime) -> str:
    """64-bit numbers are texts in this JSON."""
    return str((at - EPOCH) // timedelta(microseconds=1) * 1000)


def _pairs(attributes: Mapping[str, str | int]) -> list[dict[str, Any]]:
    return [
        {
            "key": key,
            "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": str(value)},
        }
        for key, value in attributes.items()
    ]
