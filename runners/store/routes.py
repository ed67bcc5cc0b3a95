"""Our books of what each proxy site should serve. Renders and loads nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import BindParameter, ColumnElement, Connection, bindparam, delete, select, tuple_

from pipeline.fleet.proxy import Route, Site, SiteWanted
from pipeline.lease import Lease
from runners.store import tables
from runners.store.codec import PLAIN
from runners.store.database import Database
from runners.store.leases import guard

SITES: BindParameter[list[tuple[str, str]]] = bindparam("sites", expanding=True)
GENERATIONS = select(tables.sites.c.proxy, tables.sites.c.host, tables.sites.c.generation).where(
    tuple_(tables.sites.c.proxy, tables.sites.c.host).in_(SITES)
)
RECORDS = select(tables.routes.c.proxy, tables.routes.c.host, tables.routes.c.record).where(
    tuple_(tables.routes.c.proxy, tables.routes.c.host).in_(SITES)
)


class SqlRoutes:
    """Implements `pipeline.books.Routes`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def wanted(self, site: Site) -> SiteWanted:
        return self.wanted_on([site])[site]

    def wanted_on(self, sites: Sequence[Site]) -> Mapping[Site, SiteWanted]:
        return self._database.read(lambda tx: _wanted(tx, sites)) if sites else {}

    def put(self, route: Route, lease: Lease, drains: bool = True) -> SiteWanted:
        route = replace(route, backends=tuple(sorted(route.backends)))  # another order is no change

        def work(tx: Connection) -> SiteWanted:
            guard(tx, lease)
            self._database.line_up(tx, ("site", route.site.proxy, route.site.host))
            before = {old.name: old for old in _at(tx, route.site).routes}.get(route.name)
            if before != (route if route.backends else None):
                self._replace(tx, route)
                if drains or not route.reads_like(before):
                    self._grow(tx, route.site)
            return _at(tx, route.site)

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


def _at(tx: Connection, site: Site) -> SiteWanted:
    return _wanted(tx, [site])[site]


def _wanted(tx: Connection, sites: Sequence[Site]) -> dict[Site, SiteWanted]:
    keys = [(site.proxy, site.host) for site in sites]
    generations = {
        Site(row.proxy, row.host): row.generation for row in tx.execute(GENERATIONS, {"sites": keys})
    }
    routes: dict[Site, list[Route]] = {site: [] for site in sites}
    for row in tx.execute(RECORDS, {"sites": keys}):
        routes[Site(row.proxy, row.host)].append(PLAIN.load(Route, row.record))
    return {
        site: SiteWanted(
            site, generations.get(site, 0), tuple(sorted(routes[site], key=lambda route: route.name))
        )
        for site in sites
    }


def _on(site: Site) -> ColumnElement[bool]:
    table = tables.routes.c
    return (table.proxy == site.proxy) & (table.host == site.host)
