"""The book of GitLab runners. A token is sealed before it reaches the database; hosts are kept as they were."""

import json
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from pipeline.fleet.gitlab_runners import RunnerScope
from pipeline.fleet.host import Host, SshFiles, TlsFiles
from pipeline.gitlab_runner.runner import Record, Slot
from pipeline.lease import Lease
from pipeline.secret import Secret
from runners.store.database import Database
from runners.store.gitlab_runner_table import gitlab_runners as TABLE
from runners.store.leases import guard
from runners.store.seal import Seal

KEY = ("fleet", "host", "slot")


class SqlGitLabRunners:
    """Implements `pipeline.gitlab_runner.desk.RunnerBooks`."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal

    def records(self) -> dict[Slot, Record]:
        query = select(TABLE).order_by(*(TABLE.c[name] for name in KEY))
        rows = self._database.read(lambda tx: tx.execute(query).all())
        found = [self._record(row) for row in rows]
        return {record.slot: record for record in found}

    def save(self, record: Record, lease: Lease) -> None:
        def work(tx: Connection) -> None:
            guard(tx, lease)
            values = self._values(record)
            row = self._database.insert(TABLE).values(**_key(record.slot), **values, trouble=record.trouble)
            tx.execute(row.on_conflict_do_update(index_elements=list(KEY), set_=values))

        self._database.write(work)

    def forget(self, slot: Slot, lease: Lease) -> None:
        def work(tx: Connection) -> None:
            guard(tx, lease)
            tx.execute(delete(TABLE).filter_by(**_key(slot)))

        self._database.write(work)

    def trouble(self, slot: Slot, text: str) -> bool:
        other = update(TABLE).filter_by(**_key(slot)).where(TABLE.c.trouble != text).values(trouble=text)
        return bool(self._database.write(lambda tx: tx.execute(other).rowcount))

    def _values(self, record: Record) -> dict[str, Any]:
        token = record.token.reveal()
        return {
            "place": json.dumps(asdict(record.host)),
            "url": record.url,
            "ca": record.ca,
            "scope": record.scope.value,
            "scope_id": record.scope_id,
            "description": record.description,
            "system_id": record.system_id,
            "stop_timeout": record.stop_timeout,
            "runner": record.runner,
            "sealed": self._seal.shut(token) if token else "",
            "drain_by": record.drain_by,
        }

    def _record(self, row: Row[Any]) -> Record:
        found = dict(row._mapping)
        place, sealed = json.loads(found.pop("place")), found.pop("sealed")
        slot = Slot(found.pop("fleet"), found.pop("host"), found.pop("slot"))
        token = Secret(self._seal.open(sealed) if sealed else "")
        scope = RunnerScope(found.pop("scope"))
        return Record(slot=slot, host=_host(place), scope=scope, token=token, **found)


def _host(facts: dict[str, Any]) -> Host:
    """Of `asdict`."""
    tls, ssh, ports = facts.pop("tls"), facts.pop("ssh"), facts.pop("ports")
    host = Host(**facts, ssh=SshFiles(**ssh), ports=(ports[0], ports[1]))
    return replace(host, tls=TlsFiles(**tls)) if tls else host


def _key(slot: Slot) -> dict[str, Any]:
    return {"fleet": slot.fleet, "host": slot.host, "slot": slot.index}
