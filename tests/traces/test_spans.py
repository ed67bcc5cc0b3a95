"""A run as a trace: its spans, and the JSON that a collector takes."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pipeline.delivery.run import Run, RunStatus, Stage, StageName, StageStatus
from pipeline.rollout.deployment import Happening
from pipeline.traces.compose import MOST, ROOT, spans_of
from pipeline.traces.otlp import otlp
from tests.contracts.samples import AT, deployment, release

URL = "https://shipway.example.com"


def after(seconds: float) -> Any:
    return AT + timedelta(seconds=seconds)


def stage(name: StageName, begin: float, end: float, **more: Any) -> Stage:
    return replace(Stage(name, StageStatus.SUCCEEDED, after(begin), after(end)), **more)


RUN = Run(
    7, "shop", "production", "branch", "main", "a" * 40, RunStatus.FAILED, AT, "push:mia",
    started_at=after(2), finished_at=after(60), error="web-2: /healthz answered 500", release=3, deployment=9,
    stages=(
        stage(StageName.BUILD, 3, 20),
        Stage(StageName.TEST, StageStatus.SKIPPED),
        stage(StageName.DEPLOY, 21, 60, status=StageStatus.FAILED, error="/healthz answered 500"),
    ),
)  # fmt: skip
DEPLOYMENT = replace(deployment(release()), id=9, finished_at=after(60))
LINES = [
    Happening(after(22), "status", "rolling"),
    Happening(after(23), "starting", "…", "web-1"),
    Happening(after(25), "checking", "…", "web-1"),
    Happening(after(26), "starting", "…", "web-2"),
    Happening(after(30), "done", "…", "web-1"),
    Happening(after(40), "failed", "/healthz answered 500", "web-2"),
    Happening(after(40), "log", "boom", "web-2"),
]


def by_key() -> dict[str, Any]:
    return {span.key: span for span in spans_of(RUN, DEPLOYMENT, LINES)}


def test_a_run_is_one_trace_with_its_wait_its_stages_and_its_hosts():
    spans = spans_of(RUN, DEPLOYMENT, LINES)

    assert [(span.name, span.parent) for span in spans] == [
        ("run shop production", ""), ("queue", ROOT), ("build", ROOT), ("deploy", ROOT),
        ("web-1", "stage deploy"), ("starting", "host web-1"), ("checking", "host web-1"), ("done", "host web-1"),
        ("web-2", "stage deploy"), ("starting", "host web-2"), ("failed", "host web-2"),
    ]  # fmt: skip


def test_spans_have_the_times_of_the_rows():
    spans = by_key()

    assert (spans[ROOT].begin, spans[ROOT].end) == (AT, after(60))
    assert (spans["queue"].begin, spans["queue"].end) == (AT, after(2))
    assert (spans["host web-1"].begin, spans["host web-1"].end) == (after(23), after(30))
    assert (spans["host web-1 0"].begin, spans["host web-1 0"].end) == (after(23), after(25))
    assert all(span.begin <= span.end for span in spans.values())


def test_what_failed_says_so_and_why():
    failed = {key: span.error for key, span in by_key().items() if span.failed}

    assert failed == {
        ROOT: "web-2: /healthz answered 500",
        "stage deploy": "/healthz answered 500",
        "host web-2": "/healthz answered 500",
        "host web-2 1": "/healthz answered 500",
    }


def test_a_host_that_was_under_way_at_the_end_ends_with_the_deployment():
    spans = {s.key: s for s in spans_of(RUN, DEPLOYMENT, LINES[:2])}

    assert spans["host web-1"].end == after(60)


@pytest.mark.parametrize("never", [{"started_at": None}, {"finished_at": None}])
def test_what_never_began_or_is_not_over_is_no_trace(never: dict[str, None]):
    assert spans_of(replace(RUN, **never), None, []) == []  # type: ignore[arg-type]


def test_a_run_on_a_thousand_hosts_is_cut():
    lines = [Happening(AT, "starting", "", f"web-{n}") for n in range(1000)]

    assert len(spans_of(RUN, DEPLOYMENT, lines)) == MOST


def test_the_same_run_makes_the_same_ids_and_another_shipway_others():
    spans = spans_of(RUN, DEPLOYMENT, LINES)

    assert otlp(spans, 7, URL) == otlp(spans, 7, URL)
    assert json.loads(otlp(spans, 7, URL)) != json.loads(otlp(spans, 7, "https://other.example.com"))
