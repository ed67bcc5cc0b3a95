"""What forges are still to be told: each change of a run's or deployment's status or stages leaves a row, by trigger."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

WATCHED = {"run": ("runs", ("status", "stages")), "deployment": ("deployments", ("status",))}


def upgrade() -> None:
    moment = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "outbox",
        sa.Column("id", number, primary_key=True),
        sa.Column("noun", sa.String(20), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "reports",
        sa.Column("noun", sa.String(20), primary_key=True),
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False, server_default=""),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("retry_at", moment),
        sa.Column("error", sa.Text(), nullable=False, server_default=""),
        sa.Column("at", moment, nullable=False),
    )
    op.create_index("ix_reports_at", "reports", ["at"])
    for noun, (table, columns) in WATCHED.items():
        if op.get_bind().dialect.name == "sqlite":
            _on_sqlite(noun, table, columns)
        else:
            _on_postgresql(noun, table, columns)


def _on_sqlite(noun: str, table: str, columns: tuple[str, ...]) -> None:
    changed = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in columns)
    at = "strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')"  # as `Moment` writes it
    for name, event, when in (
        (f"{table}_begin", f"AFTER INSERT ON {table}", ""),
        (f"{table}_change", f"AFTER UPDATE OF {', '.join(columns)} ON {table}", f"WHEN {changed}"),
    ):
        values = f"VALUES ('{noun}', NEW.id, NEW.service, {at})"
        note = f"INSERT INTO outbox (noun, number, service, at) {values}"
        op.execute(f"CREATE TRIGGER {name} {event} {when} BEGIN {note}; END")


def _on_postgresql(noun: str, table: str, columns: tuple[str, ...]) -> None:
    changed = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)
    values = f"VALUES ('{noun}', NEW.id, NEW.service, clock_timestamp())"
    note = f"INSERT INTO outbox (noun, number, service, at) {values}"
    op.execute(
        f"CREATE FUNCTION note_{noun}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {note}; RETURN NULL; END $$"
    )
    call = f"FOR EACH ROW EXECUTE FUNCTION note_{noun}()"
    op.execute(f"CREATE TRIGGER {table}_begin AFTER INSERT ON {table} {call}")
    update = f"AFTER UPDATE OF {', '.join(columns)} ON {table} FOR EACH ROW WHEN ({changed})"
    op.execute(f"CREATE TRIGGER {table}_change {update} EXECUTE FUNCTION note_{noun}()")
