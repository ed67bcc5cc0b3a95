"""The book of hosts that joined."""

import json
from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from pipeline.errors import Conflict, NotFound
from pipeline.fleet.host import Host, TlsFiles
from pipeline.fleet.joined import Joined
from runners.store import tables
from runners.store.database import Database
from runners.store.roster_tables import joined_hosts

COLUMNS = joined_hosts.c
PATIENCE = 0.5  # seconds; it is asked again and again, and what was known before will do


class SqlRoster:
    """Implements `pipeline.roster.Roster`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def joined(self) -> Mapping[str, Joined]:
        query = select(joined_hosts).order_by(COLUMNS.joined_at, COLUMNS.name)
        rows = self._database.read(lambda tx: tx.execute(query).all(), PATIENCE)
        return {row.name: _joined(row) for row in rows}

    def add(self, joined: Joined) -> None:
        row = _row(joined)
        known = {key: value for key, value in row.items() if key not in ("name", "joined_at")}

        def work(tx: Connection) -> None:
            insert = self._database.insert(joined_hosts).values(row)
            tx.execute(insert.on_conflict_do_nothing())
            there = tx.execute(select(joined_hosts).where(COLUMNS.name == joined.name)).one()
            if (there.instance, there.engine) != (joined.host.instance, joined.host.engine):
                raise Conflict(
                    f"Another machine joined as {joined.name} ({there.engine}). Give this one another name, or "
                    f"take the other out first: `shipway hosts remove {joined.name}`."
                )
            tx.execute(update(joined_hosts).where(COLUMNS.name == joined.name).values(known))

        self._database.write(work)

    def identify(self, name: str, instance: str, provider: str, size: str) -> None:
        self._change(name, {"instance": instance, "provider": provider, "size": size})

    def protect(self, name: str, protected: bool) -> None:
        self._change(name, {"protected": protected})

    def _change(self, name: str, values: dict[str, object]) -> None:
        change = update(joined_hosts).where(COLUMNS.name == name).values(values)
        if not self._database.write(lambda tx: tx.execute(change).rowcount):
            raise NotFound(f"No host {name!r} joined; `shipway hosts` lists those that did.")

    def remove(self, name: str) -> None:
        def work(tx: Connection) -> None:
            if tx.execute(delete(joined_hosts).where(COLUMNS.name == name)).rowcount:
                tx.execute(
                    delete(tables.hosts).where(tables.hosts.c.name == name)
                )  # nothing is to be said of it

        self._database.write(work)


def _joined(row: Row[Any]) -> Joined:
    host = Host(
        name=row.name,
        engine=row.engine,
        address=row.address,
        region=row.region,
        instance=row.instance,
        labels=json.loads(row.labels),
        tls=TlsFiles(*json.loads(row.tls)) if row.tls else None,
    )
    return Joined(
        host, row.joined_at, row.pool, row.provider, row.size, row.engine_version, bool(row.protected)
    )


def _row(joined: Joined) -> dict[str, object]:
    host = joined.host
    return {
        "name": host.name,
        "engine": host.engine,
        "address": host.address,
        "region": host.region,
        "instance": host.instance,
        "labels": json.dumps(dict(host.labels)),
        "tls": json.dumps(astuple(host.tls)) if host.tls else "",
        "pool": joined.pool,
        "provider": joined.provider,
        "size": joined.size,
        "engine_version": joined.engine_version,
        "protected": joined.protected,
        "joined_at": joined.joined_at,
    }
