"""All machines seal with one key: the database keeps its mark, from which the key cannot be told.

A machine whose key file has another key, or none, is refused before it seals anything: with two keys some secrets would
open here and others there.
"""

import re
from collections.abc import Mapping

from sqlalchemy import Connection, Table, select, update

from pipeline.errors import BadConfig, Rejected
from runners.store import tables
from runners.store.database import Database
from runners.store.enrolment_tables import authorities
from runners.store.gitlab_runner_table import gitlab_runners
from runners.store.pool_tables import pool_machines
from runners.store.seal import Seal

SEALED = re.compile(r"gAAAA[A-Za-z0-9_-]{70,}={0,2}")
SEALED_IN: Mapping[Table, str] = {
    tables.secrets: "sealed",
    gitlab_runners: "sealed",
    pool_machines: "sealed",
    authorities: "sealed",
    tables.releases: "record",
    tables.deployments: "record",
}
COLUMN = tables.installation.c.seal


def agree(database: Database, seal: Seal) -> None:
    """Raises `BadConfig`. A database without a mark gets ours, when ours opens what is in it."""
    known = database.read(_mark)
    if not known and _opens(database, seal):
        database.write(lambda tx: _first(tx, seal))
        known = database.read(_mark)
    if known in seal.marks():
        return
    seal.take_back()
    raise BadConfig(
        f"This database is sealed with another key than {seal.path} on this machine. Copy keys/seal.key from the data folder "
        "of the machine that has it (mode 0600), then start again. When no machine has it any more: `shipway secret rotate "
        "--lost` begins with a new key, and every secret must be set again."
    )


def trust(database: Database, seal: Seal) -> None:
    database.write(lambda tx: note_mark(tx, seal))


def note_mark(tx: Connection, seal: Seal) -> None:
    """The file's first key is the one that seals."""
    tx.execute(update(tables.installation).values(seal=seal.marks()[0]))


def _first(tx: Connection, seal: Seal) -> None:
    """Of two machines that begin at once the second one finds the first one's."""
    tx.execute(update(tables.installation).where(COLUMN == "").values(seal=seal.marks()[0]))


def _mark(tx: Connection) -> str:
    return tx.execute(select(COLUMN)).scalar_one_or_none() or ""


def _opens(database: Database, seal: Seal) -> bool:
    """What is sealed there already, from before marks were kept."""
    for table, name in SEALED_IN.items():
        column = table.c[name]
        query = select(column).where(column.like("%gAAAA%")).limit(1)
        kept = database.read(lambda tx, query=query: tx.execute(query).scalar_one_or_none()) or ""  # type: ignore[misc]
        found = SEALED.search(kept)
        try:
            seal.open(found[0] if found else seal.shut(""))
        except Rejected:
            return False
    return True
