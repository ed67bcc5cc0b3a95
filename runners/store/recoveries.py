"""The book of what follows a restore: environments that are still to be compared with what runs, and what that brought."""

import json
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, delete, insert, select, update

from pipeline.fleet.proxy import Route, Site
from pipeline.recovery.adoption import Adoption, Outcome
from pipeline.recovery.remains import Awaited
from pipeline.rollout.deployment import Deployment
from runners.store import tables
from runners.store.codec import PLAIN
from runners.store.counters import at_least
from runners.store.database import Database
from runners.store.deployment_rows import DeploymentRows
from runners.store.recovery_tables import recoveries
from runners.store.release_rows import ReleaseRows

COLUMNS = recoveries.c


class SqlRecovery:
    """Implements `pipeline.recovery.book.Recovery`."""

    def __init__(self, database: Database, releases: ReleaseRows, deployments: DeploymentRows) -> None:
        self._database = database
        self._releases = releases
        self._deployments = deployments

    def awaited(self) -> Sequence[Awaited]:
        query = select(recoveries).where(COLUMNS.closed_at.is_(None)).order_by(*COLUMNS)
        rows = self._database.read(lambda tx: tx.execute(query).all())
        return [Awaited(row.service, row.environment, row.taken_at, row.restored_at) for row in rows]

    def waits(self, service: str, environment: str) -> bool:
        mine = COLUMNS.service == service, COLUMNS.environment == environment, COLUMNS.closed_at.is_(None)
        query = select(COLUMNS.service).where(*mine)
        return self._database.read(lambda tx: tx.execute(query).first()) is not None

    def close(self, adoption: Adoption, history: Deployment | None) -> None:
        place = adoption.service, adoption.environment

        def work(tx: Connection) -> None:
            self._database.line_up(tx, place)
            if self._closed(tx, adoption):
                return
            at_least(
                tx, self._database, adoption.service, adoption.highest_release, adoption.highest_deployment
            )
            if adoption.outcome is Outcome.RECORDED and adoption.live is not None:
                self._releases.record(tx, adoption.live, self._database.now(tx))
            self._environment(tx, adoption)
            for route in adoption.routes:
                self._route(tx, route)
            for site, generation in adoption.generations.items():
                self._reach(tx, site, generation)
            if history is not None:
                self._past(tx, history)
            self._note(tx, adoption)

        self._database.write(work)

    def _closed(self, tx: Connection, adoption: Adoption) -> bool:
        """By somebody else, or closed now by us."""
        mine = COLUMNS.service == adoption.service, COLUMNS.environment == adoption.environment
        values = {"closed_at": self._database.now(tx), "outcome": adoption.outcome, "said": adoption.said}
        change = update(recoveries).where(*mine, COLUMNS.closed_at.is_(None)).values(values)
        return tx.execute(change).rowcount == 0

    def _environment(self, tx: Connection, adoption: Adoption) -> None:
        values: dict[str, object] = {}
        if adoption.live is not None:
            values |= {"live": adoption.live.number, "last_good": adoption.live.number}
        if adoption.placed:
            values |= {
                "placed": json.dumps(adoption.placed),
                "moved": json.dumps(adoption.moved, sort_keys=True),
                "replicas": adoption.replicas,
            }
        if not values:
            return
        place = {"service": adoption.service, "environment": adoption.environment}
        fresh = self._database.insert(tables.environments).values(place | values)
        tx.execute(fresh.on_conflict_do_update(index_elements=list(place), set_=values))

    def _route(self, tx: Connection, route: Route) -> None:
        columns = tables.routes.c
        row = {
            "proxy": route.site.proxy,
            "host": route.site.host,
            "service": route.service,
            "environment": route.environment,
        }
        tx.execute(delete(tables.routes).where(*(columns[name] == value for name, value in row.items())))
        if route.backends:
            tx.execute(insert(tables.routes).values(row | {"record": PLAIN.dump(route)}))

    def _reach(self, tx: Connection, site: Site, generation: int) -> None:
        """Not past it: it is what the proxy serves."""
        table = tables.sites
        first = self._database.insert(table).values(proxy=site.proxy, host=site.host, generation=generation)
        behind = table.c.generation < generation
        keys = [table.c.proxy, table.c.host]
        tx.execute(
            first.on_conflict_do_update(index_elements=keys, set_={"generation": generation}, where=behind)
        )

    def _past(self, tx: Connection, history: Deployment) -> None:
        now = self._database.now(tx)
        number = self._deployments.create(tx, history, now)
        self._deployments.write(tx, replace(history, id=number), good_at=now)

    def _note(self, tx: Connection, adoption: Adoption) -> None:
        line = {
            "actor": "restore",
            "action": f"restore.{adoption.outcome}",
            "target": f"{adoption.service}/{adoption.environment}",
            "detail": adoption.said,
        }
        tx.execute(insert(tables.audit).values(at=self._database.now(tx), **line))
