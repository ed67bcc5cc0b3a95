"""The steps of the schema, read from their files: Alembic takes a third of a second to load, and mostly there is nothing
for it to do."""

from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, inspect, select

VERSIONS = Path(__file__).parent / "migrations" / "versions"

# Alembic's own: where a database says how far it is
stand = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def revisions() -> dict[str, str]:
    """Revision -> the one before it."""
    found = {}
    for path in VERSIONS.glob("v*.py"):
        lines = dict(
            line.replace("'", '"').split(" = ", 1) for line in path.read_text().splitlines() if " = " in line
        )
        names = {key.partition(":")[0]: value.strip().strip('"') for key, value in lines.items()}
        found[names["revision"]] = names["down_revision"]
    return found


def newest() -> str:
    steps = revisions()
    return next(step for step in steps if step not in steps.values())


def revision_of(tx: Connection) -> str:
    """How far this database is. Empty: not begun."""
    if not inspect(tx).has_table(stand.name):
        return ""
    return tx.execute(select(stand.c.version_num)).scalar_one_or_none() or ""
