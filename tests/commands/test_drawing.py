"""What is drawn on a terminal: the overview, a deployment under way, a plan. Every picture fits into its window."""

from datetime import UTC, datetime, timedelta
from typing import Any

import click
import pytest

from pipeline.commands.overview import overview
from pipeline.commands.planning import planned
from pipeline.commands.progress import progress
from pipeline.commands.screen import age, columns, cut, fit, folded, gauge, left, span, wide
from pipeline.commands.watching import merged
from tests.commands.answers import PLAN

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LONG = "hz-web-2 does not answer: connection refused by 10.77.0.12:2376 after 5 s, and nobody knows why that is so"


def at(seconds: float) -> str:
    return (NOW + timedelta(seconds=seconds)).isoformat()


MOVING = {"id": 318, "release": 42, "status": "rolling", "settled": False, "blocked": "", "until": at(42)} | {
    "phases": {"hz-web-1": "done", "hz-web-2": "baking", "hz-web-3": "waiting"}
}


def place(condition: str, name: str = "shop", **more: Any) -> dict[str, Any]:
    return {
        **{"service": name, "environment": "production", "condition": condition, "why": "", "live": 41},
        **{"commit": "c0ffee1234", "ref": "main", "since": at(-7200), "wanted": 4, "healthy": 4, "seats": []},
        **{"deployment": None, "run": None},
    } | more


def host(name: str, phase: str, **more: Any) -> dict[str, Any]:
    return {
        "host": name,
        "phase": phase,
        "error": "",
        "replicas": 1,
        "why": "",
        "until": None,
        "probes": [],
    } | more


def probe(good: int, bad: int = 0, note: str = "") -> dict[str, Any]:
    return {"index": 0, "good": good, "bad": bad, "rise": 3, "fall": 3, "smoked": True, "note": note}


DEPLOYMENT: dict[str, Any] = {
    **{"id": 318, "service": "shop", "environment": "production", "release": 42, "previous_release": 41},
    **{"status": "rolling", "settled": False, "blocked": "", "until": None, "created_at": at(-42)},
    "hosts": [
        host("web-1", "done"),
        host("web-2", "baking", until=at(8)),
        host("web-3", "checking", until=at(72), probes=[probe(2)]),
        host("web-4", "checking", until=at(65), probes=[probe(0, 2, f"GET /healthz answered 503 '{LONG}'")]),
        host("web-5", "waiting"),
    ],
}


def drawn(lines: list[str]) -> str:
    return "\n".join(click.unstyle(line) for line in lines)


# ------------------------------------------------------------------------------------------------ overview


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (place("well"), " ✔ well     shop  production  #41  ●●●● 4/4  2h  c0ffee1  main"),
        (place("sick", healthy=3), " ✖ SICK     shop  production  #41  ●●●○ 3/4  2h  c0ffee1  main"),
        (place("well", healthy=None), "?/4"),
        (place("well", wanted=12, healthy=6), "━━━─── 6/12"),
        (
            place("empty", live=None, since=None, wanted=0, healthy=None, commit=""),
            "· empty    shop  production  –",
        ),
        (place("moving", deployment=MOVING), "#41 → #42"),
        (
            place("moving", deployment=MOVING),
            "deployment 318: rolling, 1 of 3 hosts, hz-web-2 baking, 42s left",
        ),
        (place("held", deployment=MOVING | {"status": "paused"}), "shipway resume 318"),
        (place("held", deployment=MOVING | {"status": "awaiting_promotion"}), "shipway approve 318"),
        (place("moving", run={"id": 9, "stage": "test", "waits": False}), "run 9: test"),
        (place("moving", run={"id": 9, "stage": None, "waits": False}), "run 9: waits for a worker"),
        (place("held", run={"id": 9, "stage": None, "waits": True}), "shipway run approve 9"),
        (
            place(
                "held",
                run={"id": 9, "stage": None, "waits": False, "held": "waits for the end of the freeze"},
            ),
            "run 9 waits for the end of the freeze; now, by an admin: shipway run approve 9 --override",
        ),
    ],
)
def test_an_environment_is_drawn(shown: dict[str, Any], text: str) -> None:
    assert text in drawn(overview([shown], 140, 40, NOW))


@pytest.mark.parametrize("width", [30, 80, 140])
def test_no_line_of_the_overview_is_wider_than_the_window(width: int) -> None:
    places = [place("sick", "mail-gateway", why=LONG), place("moving", deployment=MOVING), place("well")]

    lines = overview(places, width, 40, NOW)

    assert max(map(wide, lines)) <= width
    assert "nobody knows why" in " ".join(drawn(lines).split())


def test_what_does_not_fit_into_the_window_is_counted_and_is_the_well_one() -> None:
    places = [place("sick", "a", why="no route"), *(place("well", f"s{n}") for n in range(30))]

    lines = overview(places, 80, 12, NOW)

    assert len(lines) <= 12
    assert "SICK" in drawn(lines)
    assert "more; a larger window shows them" in lines[-1]


def test_the_first_line_counts_them() -> None:
    lines = overview([place("sick"), place("well"), place("well")], 80, 40, NOW)

    assert click.unstyle(lines[0]) == "3 environments  1 sick · 2 well"


def test_an_engines_silence_outranks_what_the_books_say() -> None:
    books = [place("well", "a", healthy=None), place("well", "b", healthy=None), place("moving", "c", live=9)]
    seen = [place("sick", "b", healthy=2, why="no route"), place("well", "a"), place("sick", "c", live=8)]

    found = merged(books, seen)

    assert [(p["service"], p["condition"], p["healthy"]) for p in found] == [
        ("b", "sick", 2),
        ("c", "moving", 4),
        ("a", "well", 4),
    ]


# ------------------------------------------------------------------------------------------------ progress


@pytest.mark.parametrize(
    "text",
    [
        "shop production · #41 → #42 · rolling · deployment 318 · 42s",
        "  web-1  ━━━━━━━━━━━━━━━━━━━━  done\n",
        "  web-2  ━━━━━━━━━━━━━━━━━───  baking    8s left",
        "checking  1m 12s left, 2/3 good",
        "checking  1m 05s left, 2/3 bad, GET /healthz answered 503",
        "  web-5  ────────────────────  waiting",
    ],
)
def test_a_deployment_is_drawn_host_by_host(text: str) -> None:
    assert text in drawn(progress(DEPLOYMENT, 100, 40, NOW))


@pytest.mark.parametrize("width", [40, 80, 140])
def test_no_line_of_a_deployment_is_wider_than_the_window(width: int) -> None:
    blocked = DEPLOYMENT | {"blocked": LONG, "status": "rolling_back"}

    assert max(map(wide, progress(blocked, width, 40, NOW))) <= width


def test_hosts_that_do_not_fit_are_counted() -> None:
    many = DEPLOYMENT | {"hosts": [host(f"h{n}", "done") for n in range(30)] + [host("busy", "checking")]}

    lines = progress(many, 80, 12, NOW)

    assert len(lines) <= 12
    assert "busy" in drawn(lines)
    assert "30 of 31 hosts are done" in drawn(lines)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"status": "paused"}, "`shipway resume 318` goes on, `shipway abort 318` goes back"),
        ({"status": "awaiting_promotion", "until": at(3600)}, "it waits for you, 1h 00m left"),
        ({"status": "awaiting_promotion"}, "`shipway approve 318` takes the next batch"),
        ({"until": at(10)}, "all hosts are watched, 10s left"),
        ({"blocked": "no engine"}, "blocked: no engine"),
        ({"settled": True}, "good; old replicas leave"),
    ],
)
def test_a_deployment_says_what_it_waits_for(changes: dict[str, Any], text: str) -> None:
    assert text in drawn(progress(DEPLOYMENT | changes, 100, 40, NOW))


# ------------------------------------------------------------------------------------------------ plan


@pytest.mark.parametrize("width", [0, 60, 140])
def test_a_plan_is_a_diff_in_colour(width: int) -> None:
    lines = planned(PLAN, "shop", "production", width)

    assert click.style("+ env LOG", fg="green") in "\n".join(lines)
    assert click.style("- 2 × #1", fg="red") in "\n".join(lines)


def test_a_plan_of_what_is_live_says_so() -> None:
    lines = planned(PLAN | {"differences": []}, "shop", "production", 80)

    assert "nothing is another one" in drawn(lines)


# ------------------------------------------------------------------------------------------------ texts


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5s"), (65, "1m 05s"), (7500, "2h 05m"), (180000, "2d 2h"), (-3, "0s")]
)
def test_a_span_is_told_in_two_units(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_ages_and_deadlines_are_short() -> None:
    assert (age(at(-7500), NOW), age(None, NOW)) == ("2h", "–")
    assert (left(at(65), NOW), left(at(-1), NOW), left(None, NOW)) == ("1m 05s left", "", "")


def test_texts_fit() -> None:
    assert (fit("abcdef", 4), fit("ab", 4)) == ("abc…", "ab  ")
    assert folded("one two three", 9, "  ") == ["  one two", "  three"]
    assert all(len(line) <= 20 for line in folded("x" * 90, 20, "    "))
    assert click.unstyle(cut(click.style("abc", bold=True) + click.style("def", dim=True), 5)) == "abcd…"
    assert columns([("a", "", ""), ("bbb", "c", "")]) == ["a", "bbb  c"]
    assert click.unstyle(gauge(0.5, 4, "green")) == "━━──"
