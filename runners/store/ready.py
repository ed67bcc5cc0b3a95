"""Statements on the road of every webhook: on SQLite put into words once, and from then on given to its driver as they are.

SQLAlchemy asks 30 to 60 µs for each statement and each row that it sees through; the driver 2. On PostgreSQL, where the
network is what a statement costs, SQLAlchemy does it.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import ClauseElement, Connection, Dialect, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

Bind = Callable[[Any], Any]
Rows = list[tuple[Any, ...]]


class Ready:
    """One statement. Values go in by name."""

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._text = ""
        self._values: list[tuple[str, Any, Bind | None]] = []

    def run(self, tx: Connection, values: Mapping[str, Any]) -> Rows:
        if tx.dialect.name != "sqlite":
            done = tx.execute(self._statement, values)
            return [tuple(row) for row in done] if done.returns_rows else []
        if not self._text:
            self._compile(tx.dialect)
        found = ((values.get(name, fixed), bind) for name, fixed, bind in self._values)
        return driven(tx, self._text, [bind(value) if bind else value for value, bind in found])

    def _compile(self, dialect: Dialect) -> None:
        made = cast(SQLCompiler, cast(ClauseElement, self._statement).compile(dialect=dialect))
        binds = [made.binds[name] for name in made.positiontup or ()]
        self._values = [
            (bind.key, bind.value, bind.type.dialect_impl(dialect).bind_processor(dialect)) for bind in binds
        ]
        self._text = str(made)


def driven(tx: Connection, text: str, values: Sequence[Any] = ()) -> Rows:
    """By SQLite's driver, inside the transaction; its errors look as SQLAlchemy's."""
    driver = cast(sqlite3.Connection, tx.connection.driver_connection)
    try:
        return driver.execute(text, values).fetchall()
    except sqlite3.Error as error:
        raise DBAPIError(text, None, error) from error
