"""Following what goes on: a stream that is cut, a deployment and a run to their ends, Ctrl+C."""

from collections.abc import Callable
from typing import Any

import pytest

from pipeline import errors
from pipeline.commands import following
from pipeline.commands.calling import Api
from pipeline.commands.logs import _follow
from tests.commands.listed import Listed


def test_a_log_that_was_cut_goes_on_where_it_stopped(
    server: Api, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.commands.logs.AGAIN", 0.0)  # no need to wait for a server that is there
    Listed.answers += [
        (200, b"retry: 1000\n\nid: 6\ndata: one\ndata: \n\n: still here\n\n"),
        (503, {"detail": "stopping"}),
        (200, b'id: 10\ndata: two\n\nid: 10\nevent: end\ndata: {"status": "failed"}\n\n'),
    ]

    _follow(server, "/runs/1/log")

    assert capsysbinary.readouterr().out == b"one\ntwo"
    assert [headers.get("last-event-id") for _, _, headers in Listed.asked] == [None, "6", "6"]


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
    Listed.answers += [
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
    Listed.answers.append((200, deployment("rolled_back", error="web-2: GET /healthz answered 503")))

    with pytest.raises(errors.RolloutFailed, match="web-2: GET /healthz answered 503"):
        following.follow_deployment(server, 7)

    assert "Release 1 serves again." in watched()[-1]


def test_a_cancelled_deployment_is_no_failure_of_the_release(
    server: Api, watched: Callable[[], list[str]]
) -> None:
    Listed.answers.append((200, deployment("superseded")))

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
    Listed.answers.append((200, deployment("rolling") | {"stages": [], "deployment": None}))

    with pytest.raises(KeyboardInterrupt):
        follow(server, 7)

    assert watched()[-1].endswith(f"goes on. {back}")


def test_on_a_terminal_a_picture_is_drawn_below_the_lines(
    server: Api, watched: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(following, "lively", lambda: True)
    moment = {"settled": False, "until": None, "created_at": "2026-01-01T00:00:00Z"}
    host = {"host": "web-1", "phase": "checking", "error": "", "until": None, "probes": []}
    Listed.answers += [
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
    Listed.answers.append((200, run("failed", "exit code 1.", **stages)))

    with pytest.raises(kind, match="exit code 1") as caught:
        following.follow_run(server, 3)

    assert type(caught.value) is kind
