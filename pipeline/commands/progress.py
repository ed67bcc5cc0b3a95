"""Draws a deployment that is under way: a line a host, with its phase, how far it is, its probes and its deadline.

Answers in, lines out; asks nobody.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from pipeline.commands.screen import age, columns, cut, fit, folded, gauge, left, wide
from pipeline.commands.showing import colour

# how far a host is on the longest road that there is; one without a load balancer leaves some out
FORWARD: Mapping[str, float] = {
    "waiting": 0.0,
    "pulling": 0.1,
    "parking": 0.2,
    "draining": 0.25,
    "starting": 0.35,
    "checking": 0.45,
    "switching": 0.65,
    "admitting": 0.75,
    "baking": 0.85,
    "done": 1.0,
}
INKS: Mapping[str, str] = {
    "done": "green",
    "failed": "red",
    "restoring": "yellow",
    "restored": "yellow",
    "waiting": "bright_black",
    "skipped": "bright_black",
}
ROADS: Mapping[str, float] = {"restoring": 0.5, "restored": 1.0, "failed": 1.0, "skipped": 1.0}
BAR = 20
LONGEST = 24
WISHES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "paused": (("resume", "goes on"), ("abort", "goes back")),
    "awaiting_promotion": (
        ("approve", "takes the next batch"),
        ("promote", "all hosts"),
        ("abort", "goes back"),
    ),
}


def progress(answer: Any, width: int, height: int, now: datetime) -> list[str]:
    """Hosts that do not fit into the window and are over, or wait, are counted instead."""
    hosts = sorted(
        answer["hosts"], key=lambda host: host["phase"] in ("waiting", "skipped", "done", "restored")
    )
    room = max(1, height - 6)
    shown = hosts if len(hosts) <= room else hosts[:room]
    rows = [_row(host, now) for host in answer["hosts"] if host in shown]
    lines = [cut(line, width) for line in (_head(answer, width, now), *columns(rows))]
    if len(hosts) > len(shown):
        done = sum(host["phase"] == "done" for host in hosts)
        lines.append(click.style(f"  … {done} of {len(hosts)} hosts are done", dim=True))
    return [*lines, *_foot(answer, width, now)]


def _head(answer: Any, width: int, now: datetime) -> str:
    before = f"#{answer['previous_release']} → " if answer["previous_release"] else ""
    status = answer["status"].replace("_", " ")
    words = [
        click.style(f"{answer['service']} {answer['environment']}", bold=True),
        f"{before}#{answer['release']}",
        colour(answer["status"], status if not answer["settled"] else "good; old replicas leave"),
        click.style(f"deployment {answer['id']}", dim=True),
        click.style(age(answer["created_at"], now), dim=True),
    ]
    text = click.style(" · ", dim=True).join(words)
    return text if wide(text) <= width else click.style(" · ", dim=True).join(words[:3])


def _row(host: Any, now: datetime) -> tuple[str, ...]:
    phase = str(host["phase"])
    ink = INKS.get(phase, "cyan")
    far = ROADS.get(phase, FORWARD.get(phase, 0.0) + 0.2 * _proved(host) * (phase == "checking"))
    return (
        "  " + fit(host["host"], min(LONGEST, len(host["host"]))),
        gauge(far, BAR, ink),
        click.style(phase, fg=ink),
        _remark(host, now),
    )


def _proved(host: Any) -> float:
    """The least proved replica counts."""
    return min((min(1.0, p["good"] / max(1, p["rise"])) for p in host["probes"]), default=0.0)


def _remark(host: Any, now: datetime) -> str:
    if host["error"]:
        return click.style(host["error"].partition("\n")[0], fg="red")
    parts = [left(host["until"], now)]
    if host["phase"] == "checking":
        parts += [_probes(host["probes"]), next((p["note"] for p in host["probes"] if p["bad"]), "")]
    return click.style(", ".join(part for part in parts if part), dim=True)


def _probes(probes: list[Any]) -> str:
    """`1/2 good` of a replica; of several the number that are proved."""
    if len(probes) == 1:
        one = probes[0]
        return (
            f"{one['bad']}/{one['fall']} bad"
            if one["bad"]
            else f"{min(one['good'], one['rise'])}/{one['rise']} good"
        )
    well = sum(p["good"] >= p["rise"] and p["smoked"] for p in probes)
    return f"{well}/{len(probes)} replicas well" if probes else ""


def _foot(answer: Any, width: int, now: datetime) -> list[str]:
    lines = []
    clock = left(answer["until"], now)
    if clock and answer["status"] in ("rolling", "awaiting_promotion") and not answer["settled"]:
        what = "all hosts are watched" if answer["status"] == "rolling" else "it waits for you"
        lines.append(f"  {what}, {clock}")
    if answer["blocked"]:
        lines += [
            click.style(line, fg="red") for line in folded(f"blocked: {answer['blocked']}", width, "  ")
        ]
    wishes = [f"`shipway {wish} {answer['id']}` {what}" for wish, what in WISHES.get(answer["status"], ())]
    return lines + [click.style(line, fg="yellow") for line in folded(", ".join(wishes), width, "  ")]
