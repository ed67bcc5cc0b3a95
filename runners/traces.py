"""Hands traces to a collector by OTLP over HTTP, in JSON: Jaeger, Tempo, the OpenTelemetry Collector and vendors take it.

JSON needs no package; a run is a few kilobytes. TLS is verified, redirects are not followed, every call has a timeout.
"""

import requests

from pipeline.errors import Rejected, Unreachable
from pipeline.traces.trace import Traces

PATH = "/v1/traces"
TIMEOUT = (3.0, 10.0)  # seconds to connect, and for the answer
LATER = frozenset(
    {408, 429, 502, 503, 504}
)  # https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes


class OtlpTraces:
    """Implements `pipeline.notices.book.TraceSink`."""

    def __init__(self, traces: Traces) -> None:
        url = traces.endpoint.rstrip("/")
        self._url = url if url.endswith(PATH) else f"{url}{PATH}"
        self._headers = traces.headers

    def send(self, body: str) -> None:
        headers = {name: value.reveal() for name, value in self._headers.items()}
        headers["Content-Type"] = "application/json"
        try:
            answer = requests.post(
                self._url, data=body.encode(), headers=headers, timeout=TIMEOUT, allow_redirects=False
            )
        except requests.RequestException as error:
            why = type(error).__name__
            raise Unreachable(f"The collector of traces at {self._url} does not answer ({why}).") from error
        self._judge(answer)

    def _judge(self, answer: requests.Response) -> None:
        if answer.status_code in LATER:
            raise Unreachable(f"The collector of traces at {self._url} is busy: {answer.status_code}.")
        if answer.status_code != requests.codes.ok:
            said = answer.text[:200].strip()
            raise Rejected(
                f"The collector of traces at {self._url} refuses: {answer.status_code} {said}. "
                "Look at server.traces: the address (OTLP over HTTP, often port 4318) and the headers."
            )
        if refused := _refused(answer):
            raise Rejected(f"The collector of traces at {self._url} left out spans: {refused}.")


def _refused(answer: requests.Response) -> str:
    try:
        partial = answer.json().get("partialSuccess") or {}
    except (ValueError, AttributeError):
        return ""  # protobuf, or nothing
    count = int(partial.get("rejectedSpans") or 0)
    return f"{count}, {partial.get('errorMessage', '')[:200]}" if count else ""
