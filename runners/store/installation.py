"""The id by which this Shipway's containers are told from another's. Made once for a database, and never changed."""

import secrets

from sqlalchemy import Connection, select

from runners.store import tables
from runners.store.database import Database

COLUMNS = tables.installation.c
ONLY = 1  # there is one row


class SqlInstallation:
    """Read once in each process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known = ""

    def name(self) -> str:
        """Whoever asks first makes it."""
        self._known = self._known or self._database.read(_read) or self._database.write(self._make)
        return self._known

    def _make(self, tx: Connection) -> str:
        new = self._database.insert(tables.installation).values(id=ONLY, name=secrets.token_hex(8))
        tx.execute(new.on_conflict_do_nothing(index_elements=[COLUMNS.id]))
        return _read(tx)


def _read(tx: Connection) -> str:
    return tx.execute(select(COLUMNS.name)).scalar_one_or_none() or ""
