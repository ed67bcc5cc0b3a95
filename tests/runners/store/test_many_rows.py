"""Many rows in one statement: numbers in the order of the rows, over the limit of a step too; errors as SQLAlchemy's."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import bindparam, func, select, update

from pipeline.errors import Rejected
from runners.store import tables
from runners.store.database import Database
from runners.store.many_rows import STEP, ManyRows
from runners.store.migrate import migrate
from runners.store.ready import Ready

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BROUGHT = ("forge", "key", "body", "received_at")
C = tables.deliveries.c


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'books.db'}")
    migrate(made)
    yield made
    made.close()


@pytest.fixture
def add(database: Database) -> ManyRows:
    insert = database.insert(tables.deliveries).on_conflict_do_nothing(index_elements=[C.forge, C.key])
    return ManyRows(insert.returning(C.id, C.key), BROUGHT)


def row(number: int) -> tuple[object, ...]:
    return "gitlab", f"key-{number}", b"x", NOW


def test_numbers_come_in_the_order_of_the_rows_over_several_steps(database, add):
    rows = [row(number) for number in range(STEP + 3)]

    found = database.write(lambda tx: add.put(tx, rows))

    assert found == [(number + 1, f"key-{number}") for number in range(STEP + 3)]


def test_what_was_there_before_gets_no_number(database, add):
    database.write(lambda tx: add.put(tx, [row(1)]))

    found = database.write(lambda tx: add.put(tx, [row(1), row(2)]))

    assert [key for _, key in found] == ["key-2"]


def test_values_are_kept_as_the_tables_columns_say(database, add):
    database.write(lambda tx: add.put(tx, [("git\0lab", "a", b"x", NOW)]))

    kept = database.read(lambda tx: tx.execute(select(C.forge, C.received_at)).one())

    assert tuple(kept) == ("git?lab", NOW)


def test_columns_in_another_order_than_the_tables_are_refused(database):
    wrong = ManyRows(database.insert(tables.deliveries), ("key", "forge", "received_at"))

    with pytest.raises(AssertionError, match="INSERT INTO deliveries"):
        database.write(lambda tx: wrong.put(tx, [("a", "gitlab", NOW)]))


def test_what_the_database_refuses_is_the_sentence_it_always_is_and_nothing_is_written(database):
    plain = ManyRows(database.insert(tables.deliveries), BROUGHT)

    with pytest.raises(Rejected, match=r"UNIQUE constraint failed.*Nothing was written"):
        database.write(lambda tx: plain.put(tx, [row(1), row(1)]))

    assert (
        database.read(lambda tx: tx.execute(select(func.count()).select_from(tables.deliveries)).scalar())
        == 0
    )


def test_a_ready_statement_takes_values_by_name_and_keeps_its_own(database, add):
    database.write(lambda tx: add.put(tx, [row(1), row(2)]))
    mark = Ready(update(tables.deliveries).where(C.key == bindparam("which")).values(ignored="because"))

    database.write(lambda tx: mark.run(tx, {"which": "key-2"}))

    query = Ready(select(C.key, C.ignored).order_by(C.id))
    assert database.read(lambda tx: query.run(tx, {})) == [("key-1", ""), ("key-2", "because")]
