"""The book of secrets that Shipway keeps. Values are sealed before they reach the database and never answered in a list."""

import re

from sqlalchemy import Connection, Row, delete, select

from pipeline.errors import NotFound, Refused
from pipeline.secret import Secret
from pipeline.stored_secret import Scope, StoredSecret, Use, chosen
from runners.store import tables
from runners.store.database import Database
from runners.store.seal import Seal

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
LARGEST = 64 << 10  # bytes; an environment variable of 128 KiB is refused by the kernel

COLUMNS = tables.secrets.c
KEY = ("name", "service", "environment", "stage")


class SqlSecrets:
    """Implements `pipeline.books.Secrets`."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal

    def put(self, name: str, scope: Scope, value: Secret, by: str) -> None:
        _check(name, value)

        def work(tx: Connection) -> None:
            new = {"sealed": self._seal.shut(value.reveal()), "set_at": self._database.now(tx), "set_by": by}
            row = self._database.insert(tables.secrets).values(**_key(name, scope), **new)
            tx.execute(row.on_conflict_do_update(index_elements=list(KEY), set_=new))

        self._database.write(work)

    def secrets(self) -> list[StoredSecret]:
        rows = self._database.read(lambda tx: tx.execute(select(tables.secrets)).all())
        return sorted((_secret_of(row) for row in rows), key=lambda found: (found.name, found.scope))

    def values(self, service: str, environment: str, stage: Use, trusted: bool = True) -> dict[str, Secret]:
        query = select(tables.secrets).where(COLUMNS.stage == stage, COLUMNS.service.in_(("", service)))
        rows = self._database.read(lambda tx: tx.execute(query).all())
        sealed = {_secret_of(row): row.sealed for row in rows}
        taken = chosen(sealed, service, environment, stage, trusted)
        return {name: Secret(self._seal.open(sealed[one])) for name, one in sorted(taken.items())}

    def remove(self, name: str, scope: Scope) -> None:
        row = delete(tables.secrets).filter_by(**_key(name, scope))
        if not self._database.write(lambda tx: tx.execute(row).rowcount):
            raise NotFound(
                f"There is no secret {name} of {scope}. `shipway secret list` shows what there is, and where."
            )


def _key(name: str, scope: Scope) -> dict[str, str]:
    return {
        "name": name,
        "service": scope.service,
        "environment": scope.environment,
        "stage": scope.stage.value,
    }


def _secret_of(row: Row[tuple[object, ...]]) -> StoredSecret:
    found = row._mapping
    scope = Scope(found["service"], found["environment"], Use(found["stage"]))
    return StoredSecret(found["name"], scope, found["set_at"], found["set_by"])


def _check(name: str, value: Secret) -> None:
    if "=" in name:
        raise Refused("Only the name goes here; the value is asked for, or read from standard input.")
    if not NAME.fullmatch(name):
        raise Refused(
            f"{name!r} cannot be a variable's name: use letters, digits and '_', no digit first, 100 at most."
        )
    text = value.reveal()
    if not text:
        raise Refused(f"The value of {name} is empty. `shipway secret remove` takes a secret away.")
    if "\0" in text:
        raise Refused(f"The value of {name} has a NUL in it, which no environment variable can hold.")
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST:
        raise Refused(f"The value of {name} is larger than {LARGEST >> 10} KiB.")
