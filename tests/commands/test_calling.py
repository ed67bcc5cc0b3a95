"""Calling the API: where it is, what its answers mean, and a stream that is cut."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pipeline import errors
from pipeline.commands import following
from pipeline.commands.asked import Asked
from pipeline.commands.calling import Api, api
from pipeline.commands.logs import _follow

Answer = tuple[int, Any]


class Handler(BaseHTTPRequestHandler):
    """Answers from a list, and remembers what it was asked."""

    answers: ClassVar[list[Answer]] = []
    asked: ClassVar[list[tuple[str, str, dict[str, str]]]] = []
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        self.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
        status, body = self.answers.pop(0)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

    do_POST = do_GET
    do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def server() -> Iterator[Api]:
    Handler.answers, Handler.asked = [], []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield Api(f"http://127.0.0.1:{listening.server_port}", "shw_secret")
        listening.shutdown()
        thread.join()


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SHIPWAY_URL", "SHIPWAY_TOKEN", "SHIPWAY_CONFIG"):
        monkeypatch.delenv(name, raising=False)


# ------------------------------------------------------------------------------------------------ answers


def test_a_call_says_who_we_are_and_leaves_out_what_was_not_asked(server: Api) -> None:
    Handler.answers.append((200, {"runs": []}))

    assert server.get("/runs", service="shop", status=None, environment="") == {"runs": []}

    method, path, headers = Handler.asked[0]
    assert (method, path) == ("GET", "/api/v1/runs?service=shop")
    assert headers["authorization"] == "Bearer shw_secret"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.Refused),
        (401, errors.BadSignature),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (422, errors.StageFailed),
        (503, errors.Unreachable),
        (500, errors.ShipwayError),
    ],
)
def test_a_problem_document_becomes_the_error_it_stands_for(
    server: Api, status: int, kind: type[errors.ShipwayError]
) -> None:
    Handler.answers.append((status, {"title": "Not found", "detail": "There is no run 7."}))

    with pytest.raises(kind, match=r"There is no run 7\.") as caught:
        server.post("/runs/7/cancel")

    assert type(caught.value) is kind


def test_an_error_page_of_somebody_else_is_still_an_error(server: Api) -> None:
    Handler.answers.append((502, b"<html>Bad gateway</html>"))

    with pytest.raises(errors.RunnerError, match="502"):
        server.get("/runs")


def test_nobody_there_is_a_sentence() -> None:
    with pytest.raises(errors.Unreachable, match="Connection refused"):
        Api("http://127.0.0.1:1", "x").get("/runs")


# ------------------------------------------------------------------------------------------------ where


def written(folder: Path, server: str) -> Asked:
    (folder / "data" / "keys").mkdir(parents=True)
    (folder / "data" / "keys" / "local.token").write_text("shw_local\n")
    (folder / "shipway.yml").write_text(f"server: {server}\n")
    return Asked(config=str(folder / "shipway.yml"))


@pytest.mark.usefixtures("nowhere")
def test_the_environment_alone_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIPWAY_URL", "https://ship.example.com")
    monkeypatch.setenv("SHIPWAY_TOKEN", "shw_mine")

    assert api(Asked()) == Api("https://ship.example.com", "shw_mine")


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize(
    ("server", "url"),
    [
        ("{}", "http://127.0.0.1:8080"),
        ("{listen: '0.0.0.0:9000', url: 'https://ship.example.com'}", "http://127.0.0.1:9000"),
        ("{listen: '[::1]:9000'}", "http://[::1]:9000"),
        ("{listen: '127.0.0.1:${PORT:-9001}'}", "http://127.0.0.1:9001"),
    ],
)
def test_on_its_own_machine_it_is_called_where_it_listens(server: str, url: str, tmp_path: Path) -> None:
    assert api(written(tmp_path, server)) == Api(url, "shw_local")


@pytest.mark.usefixtures("nowhere")
def test_a_token_of_ones_own_goes_to_the_public_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHIPWAY_TOKEN", "shw_mine")

    assert api(written(tmp_path, "{url: 'https://ship.example.com'}")) == Api(
        "https://ship.example.com", "shw_mine"
    )


@pytest.mark.usefixtures("nowhere")
def test_no_token_yet_says_who_makes_one(tmp_path: Path) -> None:
    asked = written(tmp_path, "{}")
    (tmp_path / "data" / "keys" / "local.token").unlink()

    with pytest.raises(errors.BadConfig, match="`shipway up` writes it"):
        api(asked)


@pytest.mark.usefixtures("nowhere")
def test_a_file_that_is_no_yaml_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "shipway.yml").write_text("server: [")

    with pytest.raises(errors.BadConfig, match="cannot be read"):
        api(Asked(config=str(tmp_path / "shipway.yml")))


# ------------------------------------------------------------------------------------------------ following


def test_a_log_that_was_cut_goes_on_where_it_stopped(
    server: Api, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.commands.logs.AGAIN", 0.0)  # no need to wait for a server that is there
    Handler.answers += [
        (200, b"retry: 1000\n\nid: 6\ndata: one\ndata: \n\n: still here\n\n"),
        (503, {"detail": "stopping"}),
        (200, b'id: 10\ndata: two\n\nid: 10\nevent: end\ndata: {"status": "failed"}\n\n'),
    ]

    _follow(server, "/runs/1/log")

    assert capsysbinary.readouterr().out == b"one\ntwo"
    assert [headers.get("last-event-id") for _, _, headers in Handler.asked] == [None, "6", "6"]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What was said while following; the terminal and the pause belong to a running command."""
    said: list[str] = []
    monkeypatch.setattr(following, "EVERY", 0.0)
    monkeypatch.setattr(following, "lively", lambda: False)
    monkeypatch.setattr(following, "event", said.append)
    monkeypatch.setattr(following, "show", lambda answer, text: said.append(text))
    return lambda: said


def deployment(status: str, *texts: str, error: str = "") -> dict[str, Any]:
    events = [
        {"id": i, "at": "", "kind": "x", "text": text, "host": "web-1"} for i, text in enumerate(texts, 1)
    ]
    place = {"service": "shop", "environment": "production", "release": 2, "previous_release": 1}
    return {"id": 7, "status": status, "error": error, "blocked": "", "hosts": [], "events": events} | place


def test_a_deployment_is_told_line_by_line_until_it_is_over(
    server: Api, watched: Callable[[], list[str]]
) -> None:
    Handler.answers += [
        (200, deployment("rolling", "pulling")),
        (503, {"detail": "restarting"}),
        (200, deployment("succeeded", "pulling", "switched")),
    ]

    following.follow_deployment(server, 7)

    assert watched() == [
        "web-1: pulling",
        "web-1: switched",
        "Deployment 7 of release 2 on shop production: \x1b[32msucceeded\x1b[0m.",
    ]


def test_a_deployment_that_went_back_ends_with_its_reason(
    server: Api, watched: Callable[[], list[str]]
) -> None:
    Handler.answers.append((200, deployment("rolled_back", error="web-2: GET /healthz answered 503")))

    with pytest.raises(errors.RolloutFailed, match="web-2: GET /healthz answered 503"):
        following.follow_deployment(server, 7)

    assert "Release 1 serves again." in watched()[-1]


def test_a_cancelled_deployment_is_no_failure_of_the_release(
    server: Api, watched: Callable[[], list[str]]
) -> None:
    Handler.answers.append((200, deployment("superseded")))

    with pytest.raises(errors.Stopped):
        following.follow_deployment(server, 7)


@pytest.mark.parametrize(
    ("follow", "back"),
    [
        (following.follow_deployment, "Come back: `shipway follow 7`. End it: `shipway abort 7`."),
        (following.follow_run, "Come back: `shipway follow --run 7`. End it: `shipway run cancel 7`."),
    ],
)
def test_ctrl_c_leaves_the_work_alone_and_says_how_to_come_back(
    server: Api, watched: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch, follow: Any, back: str
) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.commands.following.time.sleep", interrupted)
    Handler.answers.append((200, deployment("rolling") | {"stages": [], "deployment": None}))

    with pytest.raises(KeyboardInterrupt):
        follow(server, 7)

    assert watched()[-1].endswith(f"goes on. {back}")


def test_on_a_terminal_a_picture_is_drawn_below_the_lines(
    server: Api, watched: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(following, "lively", lambda: True)
    moment = {"settled": False, "until": None, "created_at": "2026-01-01T00:00:00Z"}
    host = {"host": "web-1", "phase": "checking", "error": "", "until": None, "probes": []}
    Handler.answers += [
        (200, deployment("rolling", "pulling") | moment | {"hosts": [host]}),
        (200, deployment("succeeded", "pulling", "switched") | moment | {"hosts": [host]}),
    ]

    following.follow_deployment(server, 7)

    assert "web-1: pulling\nweb-1: switched\n" in capsys.readouterr().out


def run(status: str, error: str = "", **stages: str) -> dict[str, Any]:
    rows = [{"name": n, "status": s, "error": "", "detail": {}} for n, s in stages.items()]
    return {"id": 3, "status": status, "error": error, "stages": rows, "deployment": None}


@pytest.mark.parametrize(
    ("stages", "kind"),
    [
        ({"build": "failed"}, errors.StageFailed),
        ({"build": "succeeded", "deploy": "failed"}, errors.RolloutFailed),
    ],
)
def test_a_run_ends_with_the_error_of_the_stage_that_failed(
    server: Api, watched: Callable[[], list[str]], stages: dict[str, str], kind: type[errors.ShipwayError]
) -> None:
    Handler.answers.append((200, run("failed", "exit code 1.", **stages)))

    with pytest.raises(kind, match="exit code 1") as caught:
        following.follow_run(server, 3)

    assert type(caught.value) is kind
