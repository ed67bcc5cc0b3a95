"""What commands print: for people and for programs."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import click
import pytest
from click.testing import CliRunner, Result

from pipeline.cli import shipway
from pipeline.commands.asked import Asked
from pipeline.commands.showing import ago, first_line, table, took

STAGES = [
    {"name": "checkout", "status": "succeeded", "error": "", "detail": {}}
    | {"started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:01.500Z"},
    {"name": "build", "status": "failed", "error": "exit code 1.\nmore", "detail": {}}
    | {"started_at": "2026-01-01T00:00:02Z", "finished_at": "2026-01-01T00:00:04Z"},
    {"name": "test", "status": "skipped", "error": "", "detail": {"skipped": "no tests"}}
    | {"started_at": None, "finished_at": None},
]
RUN = {
    "id": 3,
    "service": "shop",
    "environment": "production",
    "ref": "main",
    "commit": "c" * 40,
    "status": "failed",
    "error": "exit code 1.",
    "stages": STAGES,
    "release": None,
    "deployment": None,
    "requested_by": "push:ada",
    "created_at": "2026-01-01T00:00:00Z",
}
WAITING = RUN | {"id": 6, "status": "queued", "waits": True, "error": ""}
TESTED = RUN | {
    "id": 5,
    "stages": [STAGES[0], STAGES[1] | {"name": "test", "attempts": 2}],
    "tests": {
        "commands": [
            {"name": "", "exit_code": 0, "seconds": 3.21, "attempts": 1},
            {"name": "lint", "exit_code": 2, "seconds": 0.5, "attempts": 2},
        ],
        "cases": [{"name": "a::b", "message": "1 != 2", "command": ""}],
    },
}
DEPLOYMENT = {
    "id": 7,
    "service": "shop",
    "environment": "production",
    "release": 2,
    "previous_release": 1,
    "reason": "push",
    "status": "rolled_back",
    "blocked": "",
    "error": "web-1: GET /healthz answered 503",
    "requested_by": "push:ada",
    "created_at": "2026-01-01T00:00:00Z",
    "settled": False,
    "until": None,
    "hosts": [{"host": "web-1", "phase": "failed", "error": "503", "until": None, "probes": []}],
    "events": [{"id": 1, "at": "2026-01-01T10:20:30Z", "kind": "x", "text": "starting", "host": "web-1"}],
}
PLACE = {
    "service": "shop",
    "environment": "production",
    "live": 1,
    "hosts": [
        {"host": "web-1", "reachable": True, "error": "", "drained": "it is drained (by ada)", "replicas": [
            {"release": 1, "index": 0, "state": "running", "address": "10.0.0.1:20000", "health": ""}]},
        {"host": "web-2", "reachable": False, "error": "no route", "drained": "", "replicas": []},
    ],
    "proxies": [{"proxy": "front", "host": "web-1", "error": "", "backends": [
        {"address": "10.0.0.1:20000", "state": "ready", "release": 1, "sessions": 4}]}],
    "load_balancer": "entry", "load_balancer_error": "", "members": [
        {"host": "web-1", "target": "i-1:80", "state": "parked", "ours": True, "weight": 0, "reason": "normal"}],
}  # fmt: skip
DELIVERY = {
    **{"id": 7, "forge": "gitlab", "forge_id": "f-1", "event": "push", "project": "acme/shop"},
    **{"services": ["shop"], "outcome": "accepted", "runs": [3], "ignored": "", "replay_of": None},
    "received_at": "2026-01-01T00:00:00Z",
}
SERVICES = {
    "services": [
        {
            "name": "shop",
            "repository": "https://git.example.com/shop.git",
            "poll": 60.0,
            "trouble": "it refused our credentials.",
            "trouble_since": "2026-01-01T00:00:00Z",
            "environments": [
                {"name": "production", "branches": ["main"], "tags": ["v*"], "hosts": ["web-1", "web-2"]}
                | {"live": 1, "active_deployment": 7, "replicas": 2, "domain": "shop.example.com"}
            ],
        }
    ]
}
GOER = {"kind": "image", "where": "web-1", "name": "r/shop:run-1", "service": "shop", "size": 5e8, "at": None} | {
    "goes": True, "why": "no release needs it", "frees": 5e8, "removed": False, "error": "",
}  # fmt: skip
STAYS = GOER | {"kind": "log", "name": "of run 9", "goes": False, "why": "younger than 90 days", "frees": 0}
PRUNED = {"dry_run": True, "things": [GOER, STAYS], "troubles": [], "goes": 1, "removed": 0, "frees": 5e8}
OVERVIEW = {
    "places": [
        {
            "service": "shop",
            "environment": "production",
            "condition": "sick",
            "why": "web-2 has 1 of 2 replicas",
        }
        | {"live": 1, "commit": "c" * 40, "ref": "main", "since": "2026-01-01T00:00:00Z", "run": None}
        | {"wanted": 4, "healthy": 3, "seats": [], "deployment": None},
        {"service": "shop", "environment": "test", "condition": "moving", "why": "", "commit": "", "ref": ""}
        | {"live": None, "since": None, "run": {"id": 3, "stage": "build", "waits": False}, "wanted": 0}
        | {"healthy": None, "seats": [], "deployment": None},
    ]
}
PLAN = {
    **{"service": "shop", "environment": "production", "release": 2, "planned": 2, "live": 1},
    "differences": [
        {
            "sign": "~",
            "what": "image",
            "before": "r/shop@sha256:" + "a" * 64,
            "after": "r/shop@sha256:" + "b" * 64,
        },
        {"sign": "+", "what": "env LOG", "before": "", "after": "debug"},
        {"sign": "-", "what": "secret DB_URL", "before": "", "after": ""},
    ],
    "hosts": [
        {"host": "web-1", "running": {"1": 2}, "wanted": 2},
        {"host": "web-2", "running": {"2": 1}, "wanted": 2},
    ],
    "steps": [
        {"host": "web-1", "text": "start 2 replicas", "why": "beside what runs there", "sign": "+"},
        {"host": "", "text": "watch all hosts for 10 s", "why": "", "sign": ""},
    ],
}
ROUTES: dict[str, Any] = {
    "POST /prune": PRUNED,
    "GET /runs": {"runs": [RUN], "next": None},
    "GET /runs/3": RUN,
    "GET /runs/8": RUN | {"id": 8, "environment": "", "merge_request": 5, "fork": True},
    "GET /runs/5": TESTED,
    "GET /runs/6": WAITING,
    "POST /runs/6/approve": {"run": 6, "status": "queued"},
    "GET /runs/5/artifacts": {"artifacts": [{"path": "out/a.html", "size": 8}]},
    "GET /runs/5/artifacts/out/a%20b.html": "kept",
    "POST /runs/3/cancel": {"run": 3, "status": "running"},
    "POST /runs/3/retry": {"run": 4, "status": "queued"},
    "GET /deployments": {"deployments": [DEPLOYMENT], "next": None},
    "GET /deployments/7": DEPLOYMENT,
    "POST /deployments/7/promote": {"deployment": 7, "request": "promote"},
    "POST /deployments/7/retry": {"deployment": 7},
    "POST /deployments/7/abort": {"deployment": 7, "request": "abort"},
    "GET /services": SERVICES,
    "GET /services/shop/environments/production": PLACE,
    "GET /hosts": {
        "hosts": [
            {
                "name": "web-1",
                "engine": "tcp://x",
                "address": "x",
                "reachable": None,
                "free_bytes": 5e9,
                "error": "",
                "drained": "it is drained (by ada: a new kernel)",
                "region": "hz",
                "labels": {"role": "web"},
                "joined": {
                    "provider": "aliyun",
                    "instance": "i-7",
                    "size": "ecs.c7.large",
                    "engine_version": "27.1",
                    "pool": "web",
                    "protected": True,
                },
            },
            {
                "name": "web-9",
                "engine": "agent:web-9",
                "address": "10.9.0.4",
                "reachable": True,
                "free_bytes": 5e9,
                "error": "",
                "drained": "",
                "region": "",
                "labels": {},
                "joined": None,
                "agent": "connected since 2026-01-01 10:20:30 UTC, from 10.0.0.7:41234",
            },
        ]
    },
    "POST /hosts/invitations": {
        "token": "shwj_x",
        "expires_at": "2026-01-01T00:00:00Z",
        "line": "sh -c 'set -e'",
        "user_data": "#cloud-config\n",
    },
    "GET /hosts/web-1/checklist": {
        "host": "web-1",
        "checks": [{"name": "clock", "state": "warn", "text": "+9 s off ours", "mend": "`timedatectl`"}],
    },
    "POST /hosts/web-1/protect": {"host": "web-1", "protected": True},
    "POST /hosts/web-1/revoke": {"host": "web-1", "certificates": 2},
    "POST /hosts/web-1/remove": {"host": "web-1", "certificates": 2},
    "GET /releases": {
        "releases": [
            {"number": 2, "ref": "main", "commit": "c" * 40, "environment": "production"}
            | {"image": "r/shop@sha256:" + "d" * 64, "created_at": "2026-01-01T00:00:00Z"}
        ]
    },
    "GET /audit": {
        "entries": [
            {
                "at": "2026-01-01T00:00:00Z",
                "actor": "ada",
                "action": "rollback",
                "target": "shop",
                "detail": "{}",
            }
        ]
    },
    "GET /deliveries": {"deliveries": [DELIVERY, DELIVERY | {"id": 8, "runs": [], "ignored": "a ping"}]},
    "GET /deliveries/7": DELIVERY
    | {"headers": {"x-gitlab-event": "Push Hook"}, "body": '{"ref": 1}', "size": 10, "replays": [9]},
    "POST /deliveries/7/replay": {"delivery": 9, "replay_of": 7, "runs": [4]},
    "GET /overview": OVERVIEW,
    "GET /plan": PLAN,
    "GET /notices": {
        "notices": [
            {"id": 4, "target": "dingtalk:1", "event": "run.failed", "title": "shop: boom", "count": 3}
            | {"fate": "dead", "at": None, "error": "sign not match"}
        ],
        "waiting": 0,
        "dead": 1,
    },
    "GET /services/shop/figures": {
        "service": "shop",
        "environments": [
            {"environment": "production", "deployments": 12, "deployments_per_day": 0.4, "failures": 1}
            | {"lead_seconds": {"median": 5400, "p95": 90000, "count": 12}, "failure_rate": 0.0769}
            | {"restore_seconds": {"median": 90, "p95": 90, "count": 1}}
        ],
        "stages": [{"stage": "build", "seconds": {"median": 42.5, "p95": 61, "count": 30}}],
    },
    "POST /services/shop/environments/production/rollback": {"deployment": 7},
    "POST /services/shop/environments/production/deployments": {"deployment": 7},
    "POST /services/shop/environments/production/scale": {"deployment": 7},
    "POST /services/shop/environments/production/runs": {"run": 3, "status": "queued"},
    "POST /hosts/web-1/drain": {"deployments": [7], "waiting": ["blog/production"]},
    "POST /hosts/web-1/resume": {"deployments": [], "waiting": []},
    "POST /services/shop/move": {"deployments": [7], "waiting": []},
    "GET /tokens": {"tokens": [{"name": "ada", "role": "deployer", "scopes": ["shop"]}]},
    "POST /tokens": {"name": "bob", "role": "viewer", "scopes": [], "token": "shw_new"},
    "DELETE /tokens/bob": {"revoked": "bob"},
}


class Handler(BaseHTTPRequestHandler):
    bodies: ClassVar[list[tuple[str, Any]]] = []

    def do_GET(self) -> None:
        key = f"{self.command} {self.path.partition('?')[0].removeprefix('/api/v1')}"
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.bodies.append((key, json.loads(text) if text else None))
        self.send_response(200 if key in ROUTES else 404)
        self.end_headers()
        self.wfile.write(json.dumps(ROUTES.get(key, {"detail": f"nothing at {key}"})).encode())

    do_POST = do_GET
    do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    Handler.bodies = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        monkeypatch.setenv("SHIPWAY_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("SHIPWAY_TOKEN", "shw_x")
        yield lambda *words: CliRunner().invoke(shipway, list(words), obj=Asked())
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        ("runs", "3    shop     production   main  cccccccccc  failed  build  push:ada"),
        ("notices", "4       dingtalk:1  run.failed  shop: boom (×3)  dead"),
        ("notices list", "0 wait, 1 are dead."),
        (
            "figures",
            "shop     production   12           0.4    1.5 h (p95 1.0 d)  1         8%            1.5 min (p95 1.5 min)",
        ),
        ("figures shop --days 7", "build  42.5 s  1.0 min  30"),
        ("run show 3", "checkout  succeeded  1.5 s"),
        ("run show 3", "test      skipped    –      no tests"),
        ("run show 5", "failed     2.0 s  attempt 2: exit code 1."),
        ("run show 5", "test     ok                      3.2 s"),
        ("run show 5", "lint     exit code 2, attempt 2  0.5 s"),
        ("run show 5", "Failing cases:\n  a::b  1 != 2"),
        ("run artifacts 5", "out/a.html  8"),
        ("run show 6", "It waits for an approval: shipway run approve 6"),
        ("run approve 6 --no-wait", "Run 6 was accepted."),
        ("run cancel 3", "Run 3 is running; it ends within seconds."),
        (
            "run retry 3 --no-wait",
            "Run 4 was accepted. `shipway run show 4` tells how it goes, `shipway follow --run 4` stays",
        ),
        ("deployments", "7           shop     production   2        push    rolled_back"),
        ("deployment show 7", "10:20:30  web-1: starting"),
        ("promote 7", "Deployment 7 goes on to all hosts."),
        ("promote shop --from test --to production --no-wait", "Deployment 7 was accepted."),
        ("abort 7", "Deployment 7 ends and goes back."),
        ("status", "sick       shop     production   1     3/4"),
        ("status", "web-2 has 1 of 2 replicas"),
        ("status", "moving     shop     test         –     –        –      run 3: build"),
        ("status shop production", "front@web-1  10.0.0.1:20000  ready  1        4"),
        ("status shop production", "web-2 does not answer: no route"),
        ("services", "main v*         web-1 web-2  https://git.example.com/shop.git"),
        ("hosts", "it is drained (by ada: a new kernel)"),
        ("hosts", "agent: connected since 2026-01-01 10:20:30 UTC, from 10.0.0.7:41234"),
        (
            "hosts",
            "role=web  not asked  5.0 GB  aliyun · i-7 · ecs.c7.large · Docker 27.1 · pool web · protected",
        ),
        ("hosts invite --labels role=web,disk=fast --via tls", "sh -c 'set -e'"),
        ("hosts checklist web-1", "▲ clock         +9 s off ours\n                → `timedatectl`"),
        ("hosts protect web-1", "web-1 is protected."),
        ("hosts revoke web-1", "web-1 is out; 2 certificates are refused from now on."),
        ("hosts remove web-1 --force", "web-1 is out."),
        ("status shop production", "web-1: it is drained (by ada)"),
        ("hosts drain web-1 --no-wait", "Begun: deployment 7."),
        ("hosts drain web-1 --no-wait", "blog/production follows by itself"),
        ("hosts resume web-1", "web-1 is back. Nothing needs to be brought there now."),
        ("services move shop --from web-1 --to web-2 --no-wait", "Begun: deployment 7."),
        ("deliveries", "7         gitlab  push   acme/shop  run 3"),
        ("deliveries list --forge gitlab -q main", "ignored: a ping"),
        ("deliveries show 7", "Replayed as 9."),
        ("deliveries show 7", "x-gitlab-event: Push Hook"),
        ("deliveries replay 7", "Delivery 9: run 4 queued."),
        ("services", "shop: its repository cannot be looked at since"),
        ("releases shop", "sha256:dddddddddddd"),
        ("audit", "ada  rollback  shop"),
        ("prune --dry-run", "image  web-1  r/shop:run-1  500.0 MB  –    no release needs it"),
        ("prune --dry-run", "and 1 logs and work trees (--all lists them)"),
        ("prune --dry-run", "1 would go; that frees 500.0 MB at most"),
        ("prune --all", "log   web-1  of run 9  500.0 MB"),
        ("plan shop production", "shop production: #1 → #2"),
        ("plan shop production", "~ image          shop@sha256:aaaaaaaaaaaa → shop@sha256:bbbbbbbbbbbb"),
        ("plan shop production", "+ env LOG        debug\n- secret DB_URL\n"),
        ("plan shop production", "  web-1  - 2 × #1  + 2 × #2"),
        ("plan shop production", "  web-2  + 1 × #2    1 × #2 stay"),
        ("plan shop production", "+  1  web-1  start 2 replicas  (beside what runs there)"),
        ("plan shop production", "   2         watch all hosts for 10 s"),
        ("deployment retry 7 --no-wait", "`shipway follow 7` stays with it."),
        ("rollback shop production --no-wait", "Deployment 7 was accepted."),
        ("deploy shop production --no-wait", "Deployment 7 was accepted."),
        ("deploy shop production --ref main --no-wait", "Run 3 was accepted."),
        ("scale shop production 3 --no-wait", "Deployment 7 was accepted."),
        ("token list", "ada   deployer  shop"),
        ("token create bob", "shw_new"),
        ("token revoke bob", "Token bob is revoked."),
    ],
)
def test_a_command_says(words: str, seen: str, call: Callable[..., Result]) -> None:
    result = call(*words.split())

    assert result.exception is None
    assert seen in result.output


@pytest.mark.parametrize(
    ("words", "body"),
    [
        ("rollback shop production --no-wait", {}),
        ("rollback shop production --to 1 --no-wait", {"release": 1}),
        ("deploy shop production --no-wait", {"release": 2}),
        ("deploy shop production --release 1 --no-wait", {"release": 1}),
        ("deploy shop production --image r/s@sha256:0 --no-wait", {"image": "r/s@sha256:0"}),
        ("scale shop production 3 --no-wait", {"replicas": 3}),
        ("run start shop production v1 --no-wait", {"ref": "v1"}),
        ("hosts drain web-1 --reason kernel --no-wait", {"reason": "kernel", "force": False}),
        ("hosts drain web-1 --force --no-wait", {"reason": "", "force": True}),
        ("hosts resume web-1", {}),
        (
            "services move shop --from web-1 --to web-2 --environment production --no-wait",
            {"from": "web-1", "to": "web-2", "environment": "production"},
        ),
        (
            "token create bob --role deployer --scope shop",
            {"name": "bob", "role": "deployer", "scopes": ["shop"]},
        ),
    ],
)
def test_a_command_asks_for(words: str, body: dict[str, Any], call: Callable[..., Result]) -> None:
    call(*words.split())

    assert Handler.bodies[-1][1] == body


def test_what_could_not_be_pruned_is_said_and_is_a_failure(
    call: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    left = GOER | {"error": "Host web-1: a container came to use it; left."}
    answer = PRUNED | {"dry_run": False, "things": [left], "troubles": ["Host web-2: no answer."]}
    monkeypatch.setitem(ROUTES, "POST /prune", answer)

    result = call("prune")

    assert result.exit_code == 1
    for said in ("a container came to use it; left.", "Host web-2: no answer.", "1 could not be removed"):
        assert said in result.output


def test_json_is_the_answer_itself(call: Callable[..., Result]) -> None:
    assert json.loads(call("run", "show", "3", "--json").output) == RUN
    assert json.loads(call("--json", "deployments").output) == ROUTES["GET /deployments"]


def test_waiting_with_json_prints_one_document(call: Callable[..., Result]) -> None:
    result = call("rollback", "shop", "production", "--json")

    assert json.loads(result.stdout) == DEPLOYMENT
    assert "web-1: starting" in result.stderr
    assert type(result.exception).__name__ == "RolloutFailed"


def test_waiting_for_a_drain_prints_one_document(call: Callable[..., Result]) -> None:
    result = call("hosts", "drain", "web-1", "--json")

    assert json.loads(result.stdout) == {"deployments": [DEPLOYMENT]}
    assert type(result.exception).__name__ == "RolloutFailed"


def test_two_ways_at_once_are_a_usage_error(call: Callable[..., Result]) -> None:
    assert "Give one of" in call("deploy", "shop", "production", "--ref", "a", "--release", "1").output


def test_an_empty_table_is_a_sentence() -> None:
    assert table(("a",), [], "Nothing yet.") == "Nothing yet."


def test_columns_line_up_and_nothing_is_a_dash() -> None:
    text = click.unstyle(table(("name", "status"), [("a", "failed"), ("long name", None)], ""))

    assert text == "name       status\na          failed\nlong name  –"


@pytest.mark.parametrize(
    ("seconds", "words"), [(5, "5s ago"), (125, "2m ago"), (7300, "2h ago"), (200000, "2d ago")]
)
def test_a_moment_is_told_by_its_age(seconds: int, words: str) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    assert ago(datetime.fromtimestamp(now.timestamp() - seconds, UTC).isoformat(), now) == words


def test_what_has_not_ended_took_no_time() -> None:
    assert took({"started_at": "2026-01-01T00:00:00Z", "finished_at": None}) == ""


def test_a_long_error_fits_in_its_line() -> None:
    assert first_line("a" * 100 + "\nmore", 10) == "a" * 9 + "…"


def test_a_run_of_a_merge_request_is_shown_with_its_number(call: Callable[..., Result]) -> None:
    shown = call("run", "show", "8").output

    assert "Run 8 of shop for merge request 5" in shown
    assert ", from a fork" in shown


def test_an_artifact_is_written_under_its_own_name(
    call: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    result = call("run", "artifacts", "5", "out/a b.html")

    assert result.exit_code == 0, result.output
    assert (tmp_path / "a b.html").read_text() == '"kept"'
