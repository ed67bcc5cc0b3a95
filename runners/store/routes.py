"""Our books of what each proxy site should serve. Renders and loads nothing."""

from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, delete, select

from pipeline.fleet.proxy import Route, Site, SiteWanted
from pipeline.lease import Lease
from runners.store import tables
from runners.store.codec import PLAIN
from runners.store.database import Database
from runners.store.leases import guard


class SqlRoutes:
    """Implements `pipeline.books.Routes`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def wanted(self, site: Site) -> SiteWanted:
        return self._database.read(lambda tx: _wanted(tx, site))

    def put(self, route: Route, lease: Lease, drains: bool = True) -> SiteWanted:
        route = replace(route, backends=tuple(sorted(route.backends)))  # another order is no change

        def work(tx: Connection) -> SiteWanted:
            guard(tx, lease)
            self._database.line_up(tx, ("site", route.site.proxy, route.site.host))
            before = {old.name: old for old in _wanted(tx, route.site).routes}.get(route.name)
            if before != (route if route.backends else None):
                self._replace(tx, route)
                if drains or not route.reads_like(before):
                    self._grow(tx, route.site)
            return _wanted(tx, route.site)

        return self._database.write(work)

    def outgrow(self, site: Site, generation: int, lease: Lease) -> None:
        table = tables.sites
        first = self._database.insert(table).values(
            proxy=site.proxy, host=site.host, generation=generation + 1
        )
        keys, behind = [table.c.proxy, table.c.host], table.c.generation < generation
        past = first.on_conflict_do_update(
            index_elements=keys, set_={"generation": generation + 1}, where=behind
        )

        def work(tx: Connection) -> None:
            guard(tx, lease)
            self._database.line_up(tx, ("site", site.proxy, site.host))
            tx.execute(past)

        self._database.write(work)

    def _replace(self, tx: Connection, route: Route) -> None:
        table = tables.routes.c
        mine = table.service == route.service, table.environment == route.environment
        tx.execute(delete(tables.routes).where(_on(route.site), *mine))
        if not route.backends:
            return
        row = {"service": route.service, "environment": route.environment, "record": PLAIN.dump(route)}
        site = {"proxy": route.site.proxy, "host": route.site.host}
        tx.execute(self._database.insert(tables.routes).values(row | site))

    def _grow(self, tx: Connection, site: Site) -> None:
        table = tables.sites
        first = self._database.insert(table).values(proxy=site.proxy, host=site.host, generation=1)
        keys = [table.c.proxy, table.c.host]
        tx.execute(
            first.on_conflict_do_update(index_elements=keys, set_={"generation": table.c.generation + 1})
        )


def _wanted(tx: Connection, site: Site) -> SiteWanted:
    table = tables.sites.c
    query = select(table.generation).where(table.proxy == site.proxy, table.host == site.host)
    generation = tx.execute(query).scalar_one_or_none() or 0
    records = tx.execute(select(tables.routes.c.record).where(_on(site))).scalars()
    routes = sorted((PLAIN.load(Route, record) for record in records), key=lambda route: route.name)
    return SiteWanted(site, generation, tuple(routes))


def _on(site: Site) -> ColumnElement[bool]:
    table = tables.routes.c
    return (table.proxy == site.proxy) & (table.host == site.host)
