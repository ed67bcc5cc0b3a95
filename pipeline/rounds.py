"""What the scheduler does beside waking workers: each is one look, made from the store and the ports, that never raises.

What goes wrong in a look is logged in a sentence, and tried again at the next one.
"""

import logging
import os
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pipeline.errors import ShipwayError
from pipeline.gitlab_runner.desk import RunnerDesk
from pipeline.gitlab_runner.watch import watch
from pipeline.pools.carry import carry
from pipeline.ports import Ports
from pipeline.recovery.recover import recover
from pipeline.reports.compose import reports_of
from pipeline.retention.prune import Pruned, prune
from pipeline.settings import Settings
from pipeline.wiring import build_runner_desk
from runners.backup.making import Ground
from runners.backup.rounds import Rounds
from runners.kept_leases import KeptLeases
from runners.remote_folders import remote_of
from runners.store import Store

log = logging.getLogger("shipway.scheduler")


def watching(store: Store, ports: Ports) -> Callable[[], None]:
    """One look at the GitLab runners, once somebody applied any. What goes wrong is tried again at the next one."""
    kept: list[RunnerDesk] = []

    def look() -> None:
        try:
            if not store.gitlab_runners.records():
                return
            kept[:] = kept or [build_runner_desk(store, ports)]
            watch(kept[0])
        except ShipwayError as error:
            log.warning("gitlab runners not looked at, trying again", extra={"error": str(error)})

    return look


def pooling(ports: Ports) -> Callable[[], None]:
    """One look at the pools. What goes wrong is tried again at the next one."""
    owner = f"pools:{os.getpid()}:{secrets.token_hex(3)}"
    ports = replace(ports, leases=KeptLeases(ports.leases))

    def look() -> None:
        try:
            for done in carry(owner, lambda: secrets.token_hex(16), ports):
                words = {"pool": done.pool, "what": done.step.deed.value, "why": done.step.why}
                words |= {"machine": done.step.machine.name if done.step.machine else done.step.instance}
                if done.error:
                    log.warning("pool step not done, trying again", extra={**words, "error": done.error})
                else:
                    log.info("pool step done", extra=words)
        except ShipwayError as error:
            log.warning("pools not looked at, trying again", extra={"error": str(error)})

    return look


def recovering(ports: Ports) -> Callable[[], None]:
    """After a restore, until every environment's books say what runs. Nothing is asked before and after that."""
    over: list[bool] = []

    def look() -> None:
        if over:
            return
        try:
            for adoption in recover(ports):
                log.info(
                    "books compared with what runs",
                    extra={"outcome": adoption.outcome, "said": adoption.said},
                )
            if not ports.recovery.awaited():
                over.append(True)
        except ShipwayError as error:
            log.warning("books not compared with what runs, trying again", extra={"error": str(error)})

    return look


def backing_up(config: str, store: Store, ports: Ports) -> Callable[[], None]:
    """A backup, when one is due. What goes wrong is told to people, and tried again."""
    policy = ports.settings.backup
    extras = [name for name, wanted in (("logs", policy.logs), ("artifacts", policy.artifacts)) if wanted]
    rounds = Rounds(store, Ground(Path(ports.settings.server.data), Path(config), extras), ports.clock.now)

    def look() -> None:
        try:
            if policy.to is None or not rounds.due(policy):
                return
            made, checked = rounds.run(policy, policy.to, policy.keep)
            log.info("backed up", extra={"file": made.name, "bytes": made.size, "rows": checked.rows})
        except (ShipwayError, OSError) as error:
            log.warning("not backed up, trying again", extra={"error": str(error)})

    return look


def listened(settings: Settings) -> bool:
    """Is anybody told of what changed: people, or a collector of traces?"""
    return any(rule.to for rule in settings.notices) or bool(settings.server.traces.endpoint)


def tidying(store: Store, ports: Ports) -> Callable[[], None]:
    """What is done once a day: old webhook bodies and old leases go, and what `shipway prune` would remove."""

    def tidy() -> None:
        try:
            if ports.recovery.awaited():
                return  # the books do not know yet what is needed
            store.tidy(ports.clock.now(), bool(reports_of(ports.settings)), listened(ports.settings))
            moving_old(ports)
            tell(prune(f"tidy:{os.getpid()}:{secrets.token_hex(3)}", ports))
        except ShipwayError as error:
            log.warning("not tidied, tomorrow again", extra={"error": str(error)})

    return tidy


def moving_old(ports: Ports) -> None:
    """Logs and artifacts that grew old go to the bucket, where there is one."""
    storage = ports.settings.storage
    if storage is not None:
        moved = remote_of(ports.settings).move_older(ports.clock.now().timestamp() - storage.after)
        log.info("old logs moved", extra={"folders": moved})


def tell(pruned: Pruned) -> None:
    """One line for all that went, and one for each thing that did not."""
    removed = pruned.removed
    if removed:
        frees = sum(done.verdict.frees for done in removed)
        log.info("tidied", extra={"removed": len(removed), "megabytes": frees >> 20})
    for trouble in (*pruned.troubles, *(done.error for done in pruned.goers if done.error)):
        log.warning("not tidied", extra={"error": trouble})
