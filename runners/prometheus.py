"""Port `Metrics` over the HTTP API of a Prometheus, or of anything that speaks it (Thanos, Mimir, VictoriaMetrics).

Every call has a timeout and a bounded answer; TLS is verified; a redirect is not followed, since the token would go along.
Never decides what a value means.
"""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import requests

from pipeline.fleet.metric import Criterion, Reading

TIMEOUT = (3.0, 5.0)  # seconds to connect, and between two pieces of the answer
MOST = 1 << 20  # bytes of an answer


class PrometheusMetrics:
    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self._now = now or (lambda: datetime.now(UTC))

    def read(self, criterion: Criterion, query: str) -> Reading:
        try:
            value = _value(_ask(criterion, query))
        except (requests.RequestException, _Strange) as error:
            return Reading(query, criterion.most, self._now(), error=_sentence(criterion, error))
        return Reading(query, criterion.most, self._now(), value)


class _Strange(Exception):
    """It answered, but not with a value; the message says what."""


def _ask(criterion: Criterion, query: str) -> dict[str, Any]:
    with requests.get(
        f"{criterion.url}/api/v1/query",
        params={"query": query},
        auth=_Bearer(criterion),
        timeout=TIMEOUT,
        allow_redirects=False,
        stream=True,
    ) as answer:
        text = answer.raw.read(MOST + 1, decode_content=True)
    if len(text) > MOST:
        raise _Strange("the answer is larger than 1 MiB; aggregate in the query")
    try:
        found = json.loads(text)
    except ValueError:
        raise _Strange(f"it answered {answer.status_code}, and no JSON") from None
    if not isinstance(found, dict) or found.get("status") != "success":
        why = found.get("error", "") if isinstance(found, dict) else ""
        raise _Strange(f"it answered {answer.status_code}{': ' + str(why)[:200] if why else ''}")
    return found


class _Bearer(requests.auth.AuthBase):
    """Also without a token: else requests would send what ~/.netrc has."""

    def __init__(self, criterion: Criterion) -> None:
        self._token = criterion.token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return request


def _value(found: dict[str, Any]) -> float | None:
    """The largest of the series; None when there is none, or only NaN (0 of 0 is no answer)."""
    try:
        kind, result = found["data"]["resultType"], found["data"]["result"]
        pairs = {"vector": lambda: [series["value"] for series in result], "scalar": lambda: [result]}
        if kind not in pairs:
            raise _Strange(f"the query gives a {kind}; write one that gives an instant vector or a scalar")
        values = [float(text) for _, text in pairs[kind]()]
    except (KeyError, TypeError, ValueError):
        raise _Strange("its answer is not what the query API promises") from None
    return max((value for value in values if not math.isnan(value)), default=None)


def _sentence(criterion: Criterion, error: Exception) -> str:
    if isinstance(error, _Strange):
        return f"{criterion.url}: {error}"
    if isinstance(error, requests.Timeout):
        return f"{criterion.url}: no answer within {TIMEOUT[1]:g} s"
    if isinstance(error, requests.exceptions.SSLError):
        return f"{criterion.url}: its certificate is not trusted; add its authority to REQUESTS_CA_BUNDLE"
    return f"{criterion.url}: it cannot be reached ({type(error).__name__})"
