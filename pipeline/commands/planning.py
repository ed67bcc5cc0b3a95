"""Draws a plan as a diff: what the release changes, what each host gets and loses, then every step. Asks nobody."""

from collections.abc import Mapping
from typing import Any

import click

from pipeline.commands.screen import columns, folded, wide

INKS: Mapping[str, str] = {"+": "green", "-": "red", "~": "yellow"}
SHORT = 19  # of an image's digest: sha256: and twelve digits
MOST = 60  # of a value, characters


def planned(answer: Any, service: str, environment: str, width: int) -> list[str]:
    """`width` 0: no line is folded."""
    live = f"#{answer['live']} → " if answer["live"] else ""
    head = click.style(f"{service} {environment}: {live}#{answer['planned']}", bold=True)
    return [
        head + click.style("   nothing is changed by looking", dim=True),
        "",
        *_differences(answer),
        "",
        *_hosts(answer),
        "",
        *_steps(answer, width),
    ]


def _differences(answer: Any) -> list[str]:
    if not answer["differences"]:
        return [click.style("  The release is what is live: nothing is another one.", dim=True)]
    return columns(
        [
            (click.style(f"{d['sign']} {d['what']}", fg=INKS[d["sign"]]), _values(d))
            for d in answer["differences"]
        ]
    )


def _values(difference: Any) -> str:
    before, after = (_value(difference["what"], difference[side]) for side in ("before", "after"))
    if before and after:
        return f"{click.style(before, fg='red')} → {click.style(after, fg='green')}"
    return click.style(before, fg="red") + click.style(after, fg="green")


def _value(what: str, text: str) -> str:
    if what == "image":
        name, _, digest = text.rpartition("@")
        return f"{name.rpartition('/')[2]}@{digest[:SHORT]}" if name else text
    if what == "commit":
        return text[:10]
    return text if len(text) <= MOST else text[: MOST - 1] + "…"


def _hosts(answer: Any) -> list[str]:
    return columns([(f"  {one['host']}", _change(one, str(answer["planned"]))) for one in answer["hosts"]])


def _change(one: Any, number: str) -> str:
    running = {release: count for release, count in one["running"].items() if count}
    here, wanted = running.pop(number, 0), one["wanted"]
    parts = [click.style(f"- {count} × #{release}", fg="red") for release, count in running.items()]
    if here < wanted:
        parts.append(click.style(f"+ {wanted - here} × #{number}", fg="green"))
    elif here > wanted:
        parts.append(click.style(f"- {here - wanted} × #{number}", fg="red"))
    if here and wanted:
        parts.append(click.style(f"  {min(here, wanted)} × #{number} stay", dim=True))
    return "  ".join(parts) or click.style("nothing runs here", dim=True)


def _steps(answer: Any, width: int) -> list[str]:
    steps = answer["steps"]
    if not steps:
        return ["Nothing to do."]
    hosts = max(len(step["host"]) for step in steps)
    return [line for number, step in enumerate(steps, 1) for line in _step(number, step, hosts, width)]


def _step(number: int, step: Any, hosts: int, width: int) -> list[str]:
    sign = step["sign"] or " "
    words = click.style(step["text"], fg=INKS.get(sign))
    line = f"{click.style(sign, fg=INKS.get(sign))}{number:>3}  {step['host']:<{hosts}}  {words}"
    if not step["why"]:
        return [line]
    why = f"({step['why']})"
    if not width or wide(line) + 2 + len(why) <= width:
        return [f"{line}  {click.style(why, dim=True)}"]
    indent = " " * (hosts + 8)
    return [line, *(click.style(each, dim=True) for each in folded(why, width, indent))]
