"""`prune`: shows what would go and why, or removes it and says the same."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from pipeline.commands.asked import asked
from pipeline.commands.calling import api
from pipeline.commands.showing import ago, show, table

PATIENCE = 3600.0  # seconds; an engine may take a minute for one large image
DULL = ("log", "work tree")  # only counted when they stay
HEADS = ("what", "where", "name", "size", "age", "why")


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go. Changes nothing.")
@click.option("--all", "everything", is_flag=True, help="Also list the logs and work trees that stay.")
def prune(dry_run: bool, everything: bool) -> None:
    """Remove what nobody needs: old images, dead containers, build cache, manifests, work trees, logs.

    Never what a live, previous or running deployment needs. The scheduler does the same once a day. Role admin.
    """
    answer = api(asked()).post("/prune", {"dry_run": dry_run}, patience=PATIENCE)
    show(answer, _told(answer, everything))
    if any(thing["error"] for thing in answer["things"]) or answer["troubles"]:
        click.get_current_context().exit(1)


def _told(answer: Mapping[str, Any], everything: bool) -> str:
    things = answer["things"]
    goers = [thing for thing in things if thing["goes"]]
    kept = [thing for thing in things if not thing["goes"] and (everything or thing["kind"] not in DULL)]
    dull = sum(not thing["goes"] and thing["kind"] in DULL for thing in things) if not everything else 0
    head = "Would go:" if answer["dry_run"] else "Gone:"
    return "\n".join(
        [
            head,
            table(HEADS, [_row(thing) for thing in goers if not thing["error"]], "Nothing."),
            "",
            "Stays:",
            table(HEADS, [_row(thing) for thing in kept], "Nothing."),
            *([f"and {dull} logs and work trees (--all lists them)"] if dull else []),
            *_troubles(answer),
            "",
            _totals(answer),
        ]
    )


def _troubles(answer: Mapping[str, Any]) -> Sequence[str]:
    errors = [thing["error"] for thing in answer["things"] if thing["error"]] + list(answer["troubles"])
    return ["", "Not done:", *errors] if errors else []


def _totals(answer: Mapping[str, Any]) -> str:
    frees = _size(answer["frees"])
    if answer["dry_run"]:
        return f"{answer['goes']} would go; that frees {frees} at most (layers that others share stay)."
    left = answer["goes"] - answer["removed"]
    rest = f"; {left} could not be removed" if left else ""
    return f"{answer['removed']} gone, {frees} at most (layers that others share stay){rest}."


def _row(thing: Mapping[str, Any]) -> tuple[str, ...]:
    size = thing["frees"] if thing["goes"] else thing["size"]
    age = ago(thing["at"]).removesuffix(" ago")
    return thing["kind"], thing["where"], thing["name"], _size(size), age, thing["why"]


def _size(size: int | None) -> str:
    if size is None:
        return ""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
