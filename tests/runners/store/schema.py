"""What a database is made of, in words that can be compared: how it came to be leaves no trace in them but the order of
columns, which nothing relies on."""

import re
from collections.abc import Iterable

from sqlalchemy import Connection, text

OF_POSTGRES = {
    "columns": """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
               pg_get_expr(d.adbin, d.adrelid)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace""",
    "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "sequences": "SELECT sequencename, data_type::text FROM pg_sequences WHERE schemaname = 'public'",
    "triggers": "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "functions": "SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "version": "SELECT version_num FROM alembic_version",
}


def schema(tx: Connection) -> dict[str, list[str]]:
    """Kind of thing -> each of that kind, sorted."""
    if tx.dialect.name == "sqlite":
        return _of_sqlite(tx)
    return {kind: _sorted(tx.execute(text(query))) for kind, query in OF_POSTGRES.items()}


def _of_sqlite(tx: Connection) -> dict[str, list[str]]:
    made = tx.execute(text("SELECT type, name, tbl_name, sql FROM sqlite_master")).all()
    return {
        "columns": _about(tx, made, "table", "table_xinfo", slice(1, None)),
        "keys": _about(tx, made, "table", "foreign_key_list", slice(1, None)),
        "numbered": sorted(row.name for row in made if "AUTOINCREMENT" in (row.sql or "")),
        "names": sorted(
            name for row in made for name in re.findall(r'CONSTRAINT "?\w+"? \w+', row.sql or "")
        ),
        "indexes": sorted(_plain(row.sql or row.name) for row in made if row.type == "index"),
        "unique": _about(tx, made, "index", "index_xinfo", slice(2, None)),
        "triggers": sorted(_plain(row.sql) for row in made if row.type == "trigger"),
        "version": _sorted(tx.execute(text("SELECT version_num FROM alembic_version"))),
    }


def _about(tx: Connection, made: Iterable, kind: str, pragma: str, columns: slice) -> list[str]:  # type: ignore[type-arg]
    names = [row.name for row in made if row.type == kind]
    found = ((name, row[columns]) for name in names for row in tx.execute(text(f"PRAGMA {pragma}({name})")))
    return _sorted(found)


def _sorted(rows: Iterable[object]) -> list[str]:
    return sorted(str(row) for row in rows)


def _plain(sql: str) -> str:
    return " ".join(sql.split()).replace('"', "")
