"""`gitlab runners plan|apply|status|remove`: GitLab Runner containers as shipway.yml declares them. On Shipway's own machine."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from typing import Any

import click

from pipeline.books import Audit
from pipeline.commands.asked import asked
from pipeline.commands.showing import ago, event, show, table
from pipeline.errors import NotFound
from pipeline.gitlab_runner.apply import Applied, Say, apply
from pipeline.gitlab_runner.decide import Change, Plan, decide
from pipeline.gitlab_runner.desk import RunnerDesk
from pipeline.gitlab_runner.health import health
from pipeline.gitlab_runner.look import look
from pipeline.gitlab_runner.runner import RunnerSeen, Sight, Slot

BY = "local"
NOTHING = "Nothing to do: the runners are as shipway.yml says."
HEADS = ("runner", "does", "why")


@click.group()
def runners() -> None:
    """GitLab Runner containers on hosts, as `gitlab_runners` in shipway.yml says."""


@runners.command("plan")
def plan_runners() -> None:
    """What `apply` would do, and why. Changes nothing."""
    with _desk() as (desk, _):
        plan = decide(desk.fleets, look(desk))
    show(_plan_answer(plan), _plan_text(plan))


@runners.command("apply")
def apply_runners() -> None:
    """Print the plan, then do it. Runners finish their jobs before they are replaced or removed, at most `stop_timeout`."""
    with _desk() as (desk, audit):
        plan = decide(desk.fleets, look(desk))
        event(_plan_text(plan))
        applied = apply(desk, _teller()) if plan.changes else Applied(unknown=plan.unknown)
        audit.note(BY, "gitlab.runners.apply", "gitlab runners", f"{len(applied.done)} changes")
    _show_applied(applied)


@runners.command("status")
def status_runners() -> None:
    """Each runner on its host and at GitLab, and what is wrong with it."""
    with _desk() as (desk, _):
        sight = look(desk)
        troubles = health(sight, desk.now())
    rows = [_row(slot, sight, trouble) for slot, trouble in sorted(troubles.items())]
    heads = ("runner", "at gitlab", "container", "status", "called")
    cells = [[row[key] for key in ("runner", "id", "container", "status")] + [_called(row)] for row in rows]
    lines = [
        table(
            heads, cells, "There are no runners. `shipway gitlab runners apply` makes those of shipway.yml."
        )
    ]
    lines += [f"{row['runner']}: {row['trouble']}" for row in rows if row["trouble"]]
    show({"runners": rows}, "\n".join(lines))
    if any(troubles.values()):
        click.get_current_context().exit(1)


@runners.command("remove")
@click.argument("name")
def remove_runners(name: str) -> None:
    """Remove all runners of NAME on hosts and at GitLab, after their jobs. `apply` makes those again that the file still has."""
    with _desk() as (desk, audit):
        known = {slot.fleet for slot in desk.books.records()} | set(desk.settings.gitlab_runners)
        if name not in known:
            raise NotFound(f"There are no runners {name!r}. Known: {', '.join(sorted(known)) or 'none'}.")
        applied = apply(desk, _teller(), lambda change: change.slot.fleet == name, without=name)
        audit.note(BY, "gitlab.runners.remove", f"gitlab runners {name}", f"{len(applied.done)} changes")
    _show_applied(applied)


@contextmanager
def _desk() -> Iterator[tuple[RunnerDesk, Audit]]:
    """Loaded by name: the other commands of the group need neither database nor engine."""
    settings = import_module("runners.settings_source").load_settings(asked().config_path())
    store = import_module("runners.own_store").store_of(settings.server)
    wiring = import_module("pipeline.wiring")
    try:
        store.migrate()
        ports = wiring.build_ports(settings, store)
        with _asked_to_end() as unwanted:
            yield wiring.build_runner_desk(store, ports, unwanted), store.audit
    finally:
        store.close()


def _teller() -> Say:
    """`event` for threads, in which click knows no command."""
    aside = asked().json
    return lambda text: click.echo(text, err=aside)


@contextmanager
def _asked_to_end() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C or SIGTERM lets go of what is waited for, and the next apply goes on; a second one is as ever."""
    asked_to = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(*_: object) -> None:
        asked_to.set()
        restore()

    for number in before:
        signal.signal(number, note)
    try:
        yield asked_to.is_set
    finally:
        restore()


def _show_applied(applied: Applied) -> None:
    """Ends with 1 when something was not done."""
    left = [*applied.errors, *applied.unknown]
    done = sum(not one.error for one in applied.done)
    answer = {
        "changes": [_change(one.change) | {"error": one.error} for one in applied.done],
        "unknown": applied.unknown,
    }
    lines = [f"{done} {'change' if done == 1 else 'changes'} done." if applied.done else NOTHING]
    lines += ["", "Not done:", *left] if left else []
    show(answer, "\n".join(lines))
    if left:
        click.get_current_context().exit(1)


def _plan_answer(plan: Plan) -> dict[str, Any]:
    return {"changes": [_change(change) for change in plan.changes], "unknown": list(plan.unknown)}


def _plan_text(plan: Plan) -> str:
    rows = [(change.slot, change.deed, change.why) for change in plan.changes]
    return "\n".join([table(HEADS, rows, NOTHING), *_unknown(plan.unknown)])


def _unknown(sentences: Sequence[str]) -> list[str]:
    return ["", "Not known, and left as it is:", *sentences] if sentences else []


def _change(change: Change) -> dict[str, Any]:
    return {"runner": str(change.slot), "does": change.deed.value, "why": change.why, "id": change.runner}


def _row(slot: Slot, sight: Sight, trouble: str) -> dict[str, Any]:
    record, entry, seen = sight.records[slot], sight.entries.get(slot), sight.on(slot)
    at: datetime | None = entry.contacted_at if isinstance(entry, RunnerSeen) else None
    status = (
        entry.status if isinstance(entry, RunnerSeen) else "unknown" if isinstance(entry, str) else "gone"
    )
    return {
        "runner": str(slot),
        "fleet": slot.fleet,
        "host": slot.host,
        "id": record.runner,
        "container": seen.state if seen else "",
        "status": status,
        "contacted_at": at.isoformat() if at else None,
        "trouble": trouble,
    }


def _called(row: dict[str, Any]) -> str:
    return ago(row["contacted_at"])
