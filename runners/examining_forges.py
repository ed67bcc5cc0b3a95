"""Looks at what forges were told lately, and at the webhooks that can be looked at from here. Changes nothing."""

from collections.abc import Collection
from importlib import import_module
from pathlib import Path

from pipeline.errors import Forbidden, Rejected
from pipeline.fleet.service import Service
from pipeline.settings import Server
from runners.examining import Finding
from runners.own_store import store_of


def look_at_reports(server: Server, services: Collection[str]) -> list[Finding]:
    """What could not be told last. `services`: those whose forge is to be told."""
    if not server.database and not Path(server.data, "shipway.db").exists():
        return []
    store = store_of(server)
    try:
        troubles = {trouble.service: trouble for trouble in store.outbox.troubles()}
    except Rejected:  # books of an older version: `shipway up` brings them up to date
        return []
    finally:
        store.close()
    found = []
    for name in sorted(services):
        trouble = troubles.get(name)
        if trouble is None:
            found.append(Finding("ok", f"reports of {name}", "the forge has taken all there was"))
            continue
        fate = "given up" if trouble.final else "tried again"
        text = f"{trouble.error} ({trouble.noun} {trouble.number}, {trouble.at:%Y-%m-%d %H:%M} UTC, {fate})"
        found.append(Finding("warn", f"reports of {name}", text))
    return found


def look_at_gitlab_hook(service: Service, url: str) -> list[Finding]:
    """Nothing, when the token may not see webhooks: for statuses it need not."""
    name, advice = f"webhook of {service.name}", f"`shipway gitlab connect {service.repository.project}`"
    try:
        hook = import_module("runners.gitlab_hook").GitLabHook(service.repository, url).look()
    except ModuleNotFoundError as error:
        return [
            Finding(
                "FAIL",
                name,
                f"{error.name} is not installed; pip install 'shipway[gitlab]' where Shipway runs",
            )
        ]
    except Forbidden:
        return []
    if hook is None:
        return [Finding("warn", name, f"GitLab has none that calls {url}; {advice} makes it")]
    if hook.disabled:
        return [
            Finding("warn", name, f"{hook.disabled} Repair the cause, then {advice} tests it and turns it on")
        ]
    if service.repository.signing and not hook.signed:
        text = f"GitLab has no signing token for it, so every delivery is refused; {advice} sets it"
        return [Finding("warn", name, text)]
    return [Finding("ok", name, f"GitLab calls it ({'signed' if hook.signed else 'token only'})")]
