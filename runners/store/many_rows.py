"""One INSERT for many rows, on the road of every webhook: `ready` once, and on SQLite a single statement."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Insert

from runners.store.ready import Bind, Rows, driven

STEP = 500  # rows a statement; SQLite takes 32,766 values


class ManyRows:
    """`statement` without values; `columns`: what each row brings, in the order of the table."""

    def __init__(self, statement: Insert, columns: Sequence[str]) -> None:
        self._statement = statement
        self._columns = tuple(columns)
        self._parts: tuple[str, str, str] | None = None
        self._binders: list[Bind | None] = []

    def put(self, tx: Connection, rows: Sequence[Sequence[Any]]) -> Rows:
        """What it returns, if anything; its first value is the number that a row got, and they are in the rows' order."""
        if tx.dialect.name != "sqlite":
            done = tx.execute(self._statement, [dict(zip(self._columns, row, strict=True)) for row in rows])
            return [tuple(row) for row in done] if done.returns_rows else []
        self._parts = self._parts or self._compiled(tx.dialect)
        return [
            row for begin in range(0, len(rows), STEP) for row in self._step(tx, rows[begin : begin + STEP])
        ]

    def _step(self, tx: Connection, rows: Sequence[Sequence[Any]]) -> Rows:
        assert self._parts is not None  # noqa: S101 compiled before
        head, marks, tail = self._parts
        text, binders = f"{head}{', '.join([marks] * len(rows))}{tail}", self._binders
        values = [
            bind(value) if bind else value for row in rows for bind, value in zip(binders, row, strict=True)
        ]
        return sorted(driven(tx, text, values))

    def _compiled(self, dialect: Dialect) -> tuple[str, str, str]:
        """The text up to the values, the marks of one row, and the rest."""
        columns = self._statement.table.c
        self._binders = [
            columns[name].type.dialect_impl(dialect).bind_processor(dialect) for name in self._columns
        ]
        text = str(self._statement.compile(dialect=dialect, column_keys=list(self._columns)))
        marks = f"({', '.join('?' * len(self._columns))})"
        head, found, tail = text.partition(f" VALUES {marks}")
        named = [name.strip(' "') for name in head.partition("(")[2].rstrip(")").split(",")]
        assert (found, named) == (f" VALUES {marks}", list(self._columns)), text  # noqa: S101 our own tables
        return f"{head} VALUES ", marks, tail
