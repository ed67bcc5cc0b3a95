"""Today's schema in an empty database, in one go. The migrations lead to the same one step by step, for databases that
have rows; a test compares the two."""

from sqlalchemy import Connection, MetaData, inspect

from runners.store.revisions import newest, stand
from runners.store.triggers import triggers


def is_empty(tx: Connection) -> bool:
    return not inspect(tx).get_table_names()


def begin(tx: Connection, metadata: MetaData) -> None:
    """All tables, indexes and triggers, and the note that no migration is due."""
    if tx.dialect.name == "postgresql":
        _conditions_of_postgres(metadata)
    metadata.create_all(tx, checkfirst=False)
    for statement in triggers(tx.dialect.name):
        tx.exec_driver_sql(statement)
    stand.create(tx)
    tx.execute(stand.insert().values(version_num=newest()))


def _conditions_of_postgres(metadata: MetaData) -> None:
    """Partial indexes name theirs in SQLite's words, see `tables`; both understand them."""
    for table in metadata.tables.values():
        for index in table.indexes:
            index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]
