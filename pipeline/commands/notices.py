"""`notices list|test`: who was told what, by the API; and one message to each address of the file, at once."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from pipeline.commands.asked import asked
from pipeline.commands.calling import api
from pipeline.commands.showing import ago, colour, first_line, show, table
from pipeline.errors import NotFound, RunnerError
from pipeline.notices.compose import test_text
from pipeline.notices.letter import letter
from pipeline.notices.notice import Rule, Target
from pipeline.settings import Settings
from pipeline.settings_file import all_secrets
from runners.notices import Messengers
from runners.settings_source import load_settings

FATES = ("waiting", "sent", "dead")


@click.group(invoke_without_command=True)
@click.pass_context
def notices(context: click.Context) -> None:
    """Who was told what: list it, or send a test."""
    if not context.invoked_subcommand:
        context.invoke(list_notices)


@notices.command("list")
@click.option("--fate", type=click.Choice(FATES))
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
def list_notices(fate: str | None, limit: int) -> None:
    """The latest notices: sent, waiting, or dead and why."""
    answer = api(asked()).get("/notices", fate=fate, limit=limit)
    heads = ("notice", "to", "event", "what", "became", "when", "why")
    lines = [table(heads, [_row(one) for one in answer["notices"]], "Nobody was told anything yet.")]
    if answer["waiting"] or answer["dead"]:
        lines += ["", f"{answer['waiting']} wait, {answer['dead']} are dead."]
    show(answer, "\n".join(lines))


@notices.command()
@click.argument("name", default="")
def test(name: str) -> None:
    """Send one message to each address of rule NAME of shipway.yml, or of all. Needs no running Shipway."""
    settings = load_settings(asked().config_path())
    messengers = Messengers(all_secrets(settings))
    found = [_tried(rule, target, settings, messengers) for rule, target in _targets(settings, name)]
    lines = [f"{colour('FAIL' if one['error'] else 'ok')}  {one['target']} of {one['rule']}: "
             f"{one['error'] or 'it was taken'}" for one in found]  # fmt: skip
    show({"notices": found}, "\n".join(lines))
    failed = sum(1 for one in found if one["error"])
    if failed:
        raise RunnerError(f"{failed} of {len(found)} did not take the test; each says why.")


def _targets(settings: Settings, name: str) -> Iterator[tuple[Rule, Target]]:
    chosen = [rule for rule in settings.notices if rule.to and name in ("", rule.name)]
    if not chosen:
        known = ", ".join(rule.name for rule in settings.notices if rule.to) or "none"
        raise NotFound(
            f"shipway.yml has no notices {name!r}. It has: {known}."
            if name
            else "shipway.yml has no `notices`; docs/notices.md."
        )
    for rule in chosen:
        for target in rule.to:
            yield rule, target


def _tried(rule: Rule, target: Target, settings: Settings, messengers: Messengers) -> dict[str, str]:
    message = letter([(test_text(rule, settings), 1)], datetime.now(UTC), rule.language)
    try:
        messengers.send(target, message)
    except RunnerError as error:
        return {"rule": rule.name, "target": target.label, "error": str(error)}
    return {"rule": rule.name, "target": target.label, "error": ""}


def _row(one: Any) -> tuple[object, ...]:
    times = f" (×{one['count']})" if one["count"] > 1 else ""
    what = f"{first_line(one['title'])}{times}"
    return one["id"], one["target"], one["event"], what, one["fate"], ago(one["at"]), first_line(one["error"])
