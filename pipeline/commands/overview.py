"""Draws the overview: an environment a row, sick ones first and loud. Answers in, lines out; asks nobody."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from pipeline.commands.screen import NARROW, age, columns, cut, fit, folded, gauge, left, wide
from pipeline.commands.showing import short

# condition -> (glyph, word, style of the badge, style of the row); reversed: readable on every ground
BADGES: Mapping[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "sick": ("✖", "SICK", {"fg": "red", "reverse": True, "bold": True}, {"fg": "red", "bold": True}),
    "held": ("❚", "HELD", {"fg": "yellow", "reverse": True, "bold": True}, {"bold": True}),
    "moving": ("▶", "MOVING", {"fg": "cyan", "reverse": True, "bold": True}, {"bold": True}),
    "back": ("↩", "BACK", {"fg": "yellow", "reverse": True}, {}),
    "well": ("✔", "well", {"fg": "green"}, {}),
    "empty": ("·", "empty", {"dim": True}, {"dim": True}),
}
ORDER = {name: at for at, name in enumerate(BADGES)}
GONE = frozenset({"done", "skipped", "restored"})
DOTS = 6  # replicas that are shown one by one
LONGEST = 22  # of a name


def overview(places: Sequence[Any], width: int, height: int, now: datetime) -> list[str]:
    """As many rows as fit; the last ones, which are well, are counted instead."""
    rows = [cut(line, width) for line in columns([_row(place, now, width >= NARROW) for place in places])]
    found, shown = [cut(tally(places), width), ""], 0
    for place, row in zip(places, rows, strict=True):
        lines = _with_remark(row, place, width, now)
        if len(found) + len(lines) > height - 1 and shown < len(places) - 1:
            break
        found += lines
        shown += 1
    if shown < len(places):
        found.append(
            click.style(f"   … and {len(places) - shown} more; a larger window shows them", dim=True)
        )
    return found


def tally(places: Sequence[Any]) -> str:
    """`2 environments: 1 SICK · 1 well`."""
    counts = {name: sum(p["condition"] == name for p in places) for name in BADGES}
    parts = [
        click.style(f"{count} {BADGES[name][1].lower()}", **_ink(name))
        for name, count in counts.items()
        if count
    ]
    noun = "environment" if len(places) == 1 else "environments"
    return f"{click.style(f'{len(places)} {noun}', bold=True)}  " + click.style(" · ", dim=True).join(parts)


def plain(places: Sequence[Any], now: datetime) -> list[tuple[object, ...]]:
    """A row an environment, for a table in a file."""
    return [
        (
            place["condition"],
            place["service"],
            place["environment"],
            place["live"],
            _count(place),
            age(place["since"], now),
            remark(place, now),
        )
        for place in places
    ]


def remark(place: Any, now: datetime) -> str:
    """What moves, or what is wrong; empty where there is nothing to say."""
    parts = [str(place["why"]).partition("\n")[0], _deployment(place["deployment"], now), _run(place)]
    return " · ".join(part for part in parts if part)


def _row(place: Any, now: datetime, roomy: bool) -> tuple[str, ...]:
    style = BADGES[place["condition"]][3]
    names = (fit(place["service"], min(LONGEST, len(place["service"]))), place["environment"][:LONGEST])
    return (
        badge(place["condition"]),
        *(click.style(name, **style) for name in names),
        click.style(_release(place), bold=bool(place["live"])),
        _health(place),
        click.style(age(place["since"], now), dim=True),
        click.style(short(place["commit"])[:7], dim=True),
        click.style(place["ref"][:LONGEST] if roomy else "", dim=True),
    )


def _release(place: Any) -> str:
    """`#41`, or `#41 → #42` while another one comes."""
    live = f"#{place['live']}" if place["live"] else "–"
    moving = place["deployment"]
    return f"{live} → #{moving['release']}" if moving and moving["release"] != place["live"] else live


def badge(condition: str) -> str:
    glyph, word, style, _ = BADGES[condition]
    return click.style(f" {glyph} {word:<6} ", **style)


def _ink(condition: str) -> dict[str, Any]:
    """The badge's colour, but on the terminal's own ground."""
    style = BADGES[condition][2]
    return {"fg": style["fg"], "bold": True} if "reverse" in style else style


def _with_remark(row: str, place: Any, width: int, now: datetime) -> list[str]:
    text = remark(place, now)
    if not text:
        return [row]
    style: dict[str, Any] = {"fg": "red"} if place["condition"] == "sick" else {}
    if width >= NARROW and wide(row) + 3 + len(text) <= width:
        return [f"{row}   {click.style(text, **style)}"]
    return [row, *(click.style(line, **style) for line in folded(text, width, " " * 12))]


def _health(place: Any) -> str:
    wanted, healthy = place["wanted"], place["healthy"]
    if not wanted:
        return click.style("–", dim=True)
    if healthy is None:
        return click.style(_count(place), dim=True)
    colour = "green" if healthy >= wanted else "red"
    if wanted <= DOTS:
        dots = click.style("●" * min(healthy, wanted), fg=colour)
        return f"{dots}{click.style('○' * max(0, wanted - healthy), fg='red')} {_count(place)}"
    return f"{gauge(healthy / wanted, DOTS, colour)} {_count(place)}"


def _count(place: Any) -> str:
    """`3/4`; `?/4` when nobody asked the hosts."""
    if not place["wanted"]:
        return "–"
    return f"{'?' if place['healthy'] is None else place['healthy']}/{place['wanted']}"


def _deployment(moving: Any, now: datetime) -> str:
    if not moving:
        return ""
    phases = moving["phases"]
    over = sum(phase in GONE for phase in phases.values())
    busy = [f"{host} {phase}" for host, phase in phases.items() if phase not in GONE and phase != "waiting"]
    told = [
        f"deployment {moving['id']}: {str(moving['status']).replace('_', ' ')}",
        f"{over} of {len(phases)} hosts",
        ", ".join(busy[:3]) + (f" and {len(busy) - 3} more" if len(busy) > 3 else ""),
        left(moving["until"], now),
    ]
    if moving["status"] == "awaiting_promotion":
        told.append(f"shipway approve {moving['id']}")
    if moving["status"] == "paused":
        told.append(f"shipway resume {moving['id']}")
    return ", ".join(part for part in told if part)


def _run(place: Any) -> str:
    run = place["run"]
    if not run or (place["deployment"] and run["stage"] == "deploy"):
        return ""
    if run["waits"]:
        return f"run {run['id']} waits for an approval: shipway run approve {run['id']}"
    if run.get("held"):
        return f"run {run['id']} {run['held']}; now, by an admin: shipway run approve {run['id']} --override"
    return f"run {run['id']}: {run['stage'] or 'waits for a worker'}"
