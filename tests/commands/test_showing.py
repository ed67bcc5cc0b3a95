"""What commands print: for people and for programs."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result

from pipeline.commands.showing import ago, first_line, table, took
from tests.commands.answers import DEPLOYMENT, GOER, PRUNED, ROUTES, RUN
from tests.commands.conftest import Handler


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
        ("scaling", "shop     production   3         1     8   at-max  cpu 90 %, wanted 60 %  cpu is 90 %"),
        ("scaling shop", "out   1 → 3     cpu is 184 %  7"),
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
        ("hosts drain web-2", "shop/production follows by itself"),
        ("hosts drain web-2", "Nothing has begun yet; `shipway deployments` shows when it does."),
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
    assert (tmp_path / "a b.html").read_text() == "kept"
