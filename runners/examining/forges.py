"""Forges: the repository itself, webhooks that can be looked at from here, when one came last, and what could not be told."""

import os
import tempfile
from collections.abc import Collection
from datetime import UTC, datetime
from importlib import import_module

from pipeline.errors import Forbidden, Rejected
from pipeline.fleet.service import Service
from pipeline.intake.inbox import Wanted
from pipeline.settings import Server
from runners.examining.books import there
from runners.examining.finding import Finding, bad, ok, warn
from runners.own_store import store_of
from runners.source import GitSource
from runners.webhooks import look_at_webhooks

LOOKED_AT = ("github", "gitea")  # by a call of their own; GitLab's has a module


def look_at_repository(service: Service) -> list[Finding]:
    """As the scheduler looks for pushes whose webhook was lost."""
    repository, name = service.repository, f"repository of {service.name}"
    with tempfile.TemporaryDirectory(prefix="shipway-doctor-") as folder:
        found = GitSource(folder, os.environ).look(repository, tags=False)
    often = f"looked at every {repository.poll:g} s" if repository.poll else "never looked at (poll: off)"
    return [ok(name, f"{repository.address} answers, branches: {len(found)}; {often}")]


def look_at_secret(service: Service, url: str) -> list[Finding]:
    """Where its webhook belongs, and what would keep it from being believed."""
    repository, name = service.repository, f"webhook of {service.name}"
    if repository.secret or repository.signing:
        return [ok(name, f"{url}, project {repository.project or service.name}")]
    if repository.poll:
        text = f"none, since it has no secret: pushes are found by looking every {repository.poll:g} s"
        return [ok(name, text)]
    text = f"{url} will refuse every delivery: it has no secret, and nobody looks either"
    return [warn(name, text, f"give services.{service.name}.repository a `secret` in shipway.yml")]


def look_at_webhook(service: Service, url: str) -> list[Finding]:
    """At the forge, when its token may see webhooks: for statuses it need not."""
    if service.repository.forge == "gitlab":
        return look_at_gitlab_hook(service, url)
    if service.repository.forge not in LOOKED_AT:
        return []
    try:
        hooks = look_at_webhooks(service.repository)
    except Forbidden:
        return []
    name, forge = f"webhook of {service.name}", service.repository.forge.capitalize()
    ours = [hook for hook in hooks if hook.url.rstrip("/") == url]
    page = f"the settings of {service.repository.project} at {forge}, under webhooks"
    if not ours:
        return [
            warn(name, f"{forge} has none that calls {url}", f"make it in {page}; docs/forges.md tells how")
        ]
    if not any(hook.active for hook in ours):
        return [warn(name, f"{forge} has it turned off", f"turn it on in {page}")]
    if ours[0].trouble:
        return [
            warn(
                name,
                f"its last call went wrong: {ours[0].trouble}",
                f"repair the cause, redeliver it in {page}",
            )
        ]
    return [ok(name, f"{forge} calls it")]


def look_at_gitlab_hook(service: Service, url: str) -> list[Finding]:
    name, mend = f"webhook of {service.name}", f"`shipway gitlab connect {service.repository.project}`"
    try:
        hook = import_module("runners.gitlab_hook").GitLabHook(service.repository, url).look()
    except ModuleNotFoundError as error:
        text = f"{error.name} is not installed"
        return [bad(name, text, "`pip install 'shipway[gitlab]'` where Shipway runs")]
    except Forbidden:
        return []
    if hook is None:
        return [warn(name, f"GitLab has none that calls {url}", f"{mend} makes it")]
    if hook.disabled:
        return [warn(name, hook.disabled, f"repair the cause, then {mend} tests it and turns it on")]
    if service.repository.signing and not hook.signed:
        text = "GitLab has no signing token for it, so every delivery is refused"
        return [warn(name, text, f"{mend} sets it")]
    return [ok(name, f"GitLab calls it ({'signed' if hook.signed else 'token only'})")]


def look_at_deliveries(server: Server, service: Service) -> list[Finding]:
    """When a webhook came last. Nothing to say before the first: a look may have found its pushes."""
    if not there(server):
        return []
    store = store_of(server)
    try:
        newest = store.inbox.deliveries(1, wanted=Wanted(service=service.name))
    except Rejected:  # books of an older version: the database's own check says so
        return []
    finally:
        store.close()
    if not newest:
        return []
    days = (datetime.now(UTC) - newest[0].received_at).days
    when = f"{days} days ago" if days > 1 else f"on {newest[0].received_at:%Y-%m-%d at %H:%M} UTC"
    return [ok(f"webhook of {service.name}", f"last delivery {when}: {newest[0].outcome}")]


def look_at_reports(server: Server, services: Collection[str]) -> list[Finding]:
    """What could not be told last. `services`: those whose forge is to be told."""
    if not there(server):
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
            found.append(ok(f"reports of {name}", "the forge has taken all there was"))
            continue
        fate = "given up" if trouble.final else "tried again"
        text = f"{trouble.error} ({trouble.noun} {trouble.number}, {trouble.at:%Y-%m-%d %H:%M} UTC, {fate})"
        mend = f"correct services.{name}.repository.token, or set `reports: false` there"
        found.append(warn(f"reports of {name}", text, mend))
    return found
