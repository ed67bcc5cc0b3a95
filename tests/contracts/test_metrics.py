"""Port `Metrics`, over the stand-in and over a real server that speaks the query API."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from pipeline.fleet.metric import Criterion, Reading
from pipeline.ports import Metrics
from pipeline.secret import Secret
from runners.prometheus import PrometheusMetrics
from runners.stand_ins.fleet import WorldMetrics
from runners.stand_ins.world import World

QUERY = 'rate(errors{app="shop"}[1m]) > 0'


class InMemory:
    def __init__(self) -> None:
        self.world = World(["web-1"])
        self.metrics: Metrics = WorldMetrics(self.world)
        self.criterion = Criterion("http://127.0.0.1:9", QUERY, 0.5, Secret("hush"))

    def say(self, value: float | None) -> None:
        self.world.metric = value

    def fail(self) -> None:
        self.world.metric_error = "http://127.0.0.1:9: no answer within 5 s"

    def close(self) -> None: ...


class Answering(BaseHTTPRequestHandler):
    """Answers what the server was told to, and keeps what it was asked."""

    server: "Server"

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        status, body, more = self.server.answer
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...


class Server(ThreadingHTTPServer):
    daemon_threads = True
    answer: tuple[int, bytes, dict[str, str]] = (200, b"", {})

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.asked: list[tuple[str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Real:
    def __init__(self) -> None:
        self.server = Server()
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        self.metrics: Metrics = PrometheusMetrics()
        self.criterion = Criterion(self.server.url, QUERY, 0.5, Secret("hush"))

    def answer(self, status: int, body: Any, **headers: str) -> None:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.server.answer = status, text, headers

    def vector(self, *values: str) -> None:
        series = [{"metric": {"pod": str(at)}, "value": [1.5, value]} for at, value in enumerate(values)]
        self.answer(200, {"status": "success", "data": {"resultType": "vector", "result": series}})

    def say(self, value: float | None) -> None:
        self.vector(*([] if value is None else [str(value)]))

    def fail(self) -> None:
        self.answer(503, b"<html>busy</html>")

    def read(self) -> Reading:
        return self.metrics.read(self.criterion, QUERY)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


@pytest.fixture(params=[InMemory, Real])
def ground(request: pytest.FixtureRequest) -> Iterator[Any]:
    made = request.param()
    yield made
    made.close()


@pytest.fixture
def real() -> Iterator[Real]:
    made = Real()
    yield made
    made.close()


@pytest.mark.parametrize(("value", "over"), [(0.0, False), (0.5, False), (0.51, True), (None, False)])
def test_value_is_read_and_held_against_the_limit(ground, value, over):
    ground.say(value)

    reading = ground.metrics.read(ground.criterion, QUERY)

    assert (reading.value, reading.over, reading.error) == (value, over, "")
    assert (reading.query, reading.most) == (QUERY, 0.5)


def test_what_cannot_be_read_is_told_and_is_no_value(ground):
    ground.fail()

    reading = ground.metrics.read(ground.criterion, QUERY)

    assert reading.value is None
    assert reading.error.startswith("http://127.0.0.1:")
    assert not reading.over


def test_query_travels_whole_and_the_token_in_its_header(real):
    real.vector("0.1")
    real.read()

    path, headers = real.server.asked[0]
    assert (urlsplit(path).path, parse_qs(urlsplit(path).query)) == ("/api/v1/query", {"query": [QUERY]})
    assert headers["Authorization"] == "Bearer hush"


def test_without_a_token_no_credentials_are_sent(real):
    real.vector("0.1")
    real.metrics.read(Criterion(real.server.url, QUERY, 0.5), QUERY)

    assert "Authorization" not in real.server.asked[0][1]


@pytest.mark.parametrize(
    ("values", "largest"),
    [(("0.1", "0.7", "0.3"), 0.7), (("NaN",), None), (("NaN", "0.2"), 0.2), (("+Inf",), float("inf"))],
)
def test_of_several_series_the_largest_counts_and_nan_is_no_data(real, values, largest):
    real.vector(*values)

    assert real.read().value == largest


def test_scalar_is_taken_too(real):
    real.answer(200, {"status": "success", "data": {"resultType": "scalar", "result": [1.5, "0.25"]}})

    assert real.read().value == 0.25


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (
            400,
            {"status": "error", "errorType": "bad_data", "error": "parse error: x"},
            "it answered 400: parse error: x",
        ),
        (401, b"Unauthorized", "it answered 401, and no JSON"),
        (
            200,
            {"status": "success", "data": {"resultType": "matrix", "result": []}},
            "the query gives a matrix",
        ),
        (200, {"status": "success", "data": {}}, "not what the query API promises"),
        (
            200,
            {"status": "success", "data": {"resultType": "vector", "result": [{}]}},
            "not what the query API",
        ),
        (200, [], "it answered 200"),
        (200, b" " * ((1 << 20) + 1), "larger than 1 MiB"),
    ],
)
def test_strange_answers_are_said_in_words(real, status, body, words):
    real.answer(status, body)

    assert words in real.read().error
    assert "hush" not in real.read().error


def test_redirect_is_not_followed_since_the_token_would_go_along(real):
    real.answer(302, b"", Location=f"{real.server.url}/elsewhere")

    assert "it answered 302" in real.read().error
    assert len(real.server.asked) == 1


def test_server_that_is_away_is_said_in_words(real):
    gone = Criterion("http://127.0.0.1:9", QUERY, 0.5)

    assert (
        real.metrics.read(gone, QUERY).error == "http://127.0.0.1:9: it cannot be reached (ConnectionError)"
    )
