"""Where our authorities are kept: certificate in the clear, key sealed. The first who asks makes one; all share it."""

from collections.abc import Callable

from sqlalchemy import Connection, select

from runners.store.database import Database
from runners.store.enrolment_tables import authorities
from runners.store.seal import Seal

COLUMNS = authorities.c


class SqlAuthorities:
    """Implements `runners.authority.Keeping`."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal

    def kept(self, name: str, make: Callable[[], tuple[str, str]]) -> tuple[str, str]:
        query = select(authorities).where(COLUMNS.name == name)
        row = self._database.read(lambda tx: tx.execute(query).one_or_none())
        if row is None:
            certificate, key = make()

            def work(tx: Connection) -> None:
                new = {"name": name, "certificate": certificate, "sealed": self._seal.shut(key)}
                insert = self._database.insert(authorities).values(made_at=self._database.now(tx), **new)
                tx.execute(insert.on_conflict_do_nothing())

            self._database.write(work)
            row = self._database.read(lambda tx: tx.execute(query).one())
        return row.certificate, self._seal.open(row.sealed)
