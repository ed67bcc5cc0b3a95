"""Traces on their way to a collector that decodes them strictly."""

from collections.abc import Iterator

import pytest

from pipeline.errors import Rejected, Unreachable
from pipeline.secret import Secret
from pipeline.traces.compose import spans_of
from pipeline.traces.otlp import otlp
from pipeline.traces.trace import Traces
from runners.traces import OtlpTraces
from tests.parts.otlp_collector import Collector, collector
from tests.traces.test_spans import DEPLOYMENT, LINES, RUN, URL

BODY = otlp(spans_of(RUN, DEPLOYMENT, LINES), RUN.id, URL)


@pytest.fixture
def there() -> Iterator[Collector]:
    with collector() as found:
        yield found


@pytest.mark.parametrize("path", ["", "/", "/v1/traces"])
def test_a_collector_takes_a_whole_run(path: str, there: Collector):
    OtlpTraces(Traces(there.address + path, {"Authorization": Secret("Bearer hush")})).send(BODY)

    spans = {span["name"]: span for span in there.spans}
    assert len(there.spans) == 11
    assert len({span["traceId"] for span in there.spans}) == 1
    assert spans["run shop production"]["attributes"]["cicd.pipeline.run.id"] == "7"
    assert spans["deploy"]["status"] == {"code": 2, "message": "/healthz answered 500"}
    assert spans["web-2"]["parentSpanId"] == spans["deploy"]["spanId"]
    assert there.headers[0]["authorization"] == "Bearer hush"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_collector_is_tried_again(status: int, there: Collector):
    there.answer = status, {}

    with pytest.raises(Unreachable, match=str(status)):
        OtlpTraces(Traces(there.address)).send(BODY)


@pytest.mark.parametrize("status", [301, 400, 401, 404])
def test_a_refusal_is_final_and_says_where_to_look(status: int, there: Collector):
    there.answer = status, {"message": "no"}

    with pytest.raises(Rejected, match=r"server\.traces"):
        OtlpTraces(Traces(there.address)).send(BODY)


def test_spans_that_were_left_out_are_said(there: Collector):
    there.answer = 200, {"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too old"}}

    with pytest.raises(Rejected, match="3, too old"):
        OtlpTraces(Traces(there.address)).send(BODY)


def test_nobody_there_is_tried_again():
    with pytest.raises(Unreachable, match="does not answer"):
        OtlpTraces(Traces("http://127.0.0.1:1")).send(BODY)
