"""What people are to be told: changes worth it leave a row by trigger, and each notice has a place where it waits."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ENDS = "NEW.status IN ('failed', 'succeeded', 'cancelled', 'superseded')"
TOLD = "NEW.status IN ('failed', 'succeeded', 'rolled_back', 'awaiting_promotion')"
CHANGED = "OLD.status <> NEW.status"
OF_RUN = ("NEW.service", "NEW.environment", "NEW.id", "''")
OF_HOST = ("''", "''", "0", "NEW.name")
OF_SERVICE = ("NEW.service", "''", "0", "''")
PLACE = "(SELECT {} FROM deployments WHERE id = NEW.deployment)"
OF_LINE = (PLACE.format("service"), PLACE.format("environment"), "NEW.deployment", "''")
# name -> (table, event, condition, kind, values)
TRIGGERS = {
    "runs_end": ("runs", "UPDATE OF status", f"{CHANGED} AND {ENDS}", "'run.' || NEW.status", OF_RUN),
    "runs_wait": ("runs", "UPDATE OF waits", "NEW.waits AND NOT OLD.waits", "'run.waits'", OF_RUN),
    "deployments_told": (
        "deployments", "UPDATE OF status", f"{CHANGED} AND {TOLD}", "'deployment.' || NEW.status", OF_RUN,
    ),
    "deployments_blocked": (
        "happenings", "INSERT", "NEW.kind = 'blocked'", "'deployment.blocked'", OF_LINE,
    ),
    "hosts_lost": (
        "hosts", "UPDATE OF silent_since", "OLD.silent_since IS NULL AND NEW.silent_since IS NOT NULL",
        "'host.lost'", OF_HOST,
    ),
    "hosts_back": (
        "hosts", "UPDATE OF silent_since", "OLD.silent_since IS NOT NULL AND NEW.silent_since IS NULL",
        "'host.back'", OF_HOST,
    ),
    "sights_lost": (
        "sights", "UPDATE OF trouble_since", "OLD.trouble_since IS NULL AND NEW.trouble_since IS NOT NULL",
        "'repository.lost'", OF_SERVICE,
    ),
    "sights_back": (
        "sights", "UPDATE OF trouble_since", "OLD.trouble_since IS NOT NULL AND NEW.trouble_since IS NULL",
        "'repository.back'", OF_SERVICE,
    ),
}  # fmt: skip


def upgrade() -> None:
    moment = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    _moments(moment, number)
    _notices(moment, number)
    make = _on_sqlite if op.get_bind().dialect.name == "sqlite" else _on_postgresql
    for name, (table, event, when, kind, values) in TRIGGERS.items():
        make(name, f"AFTER {event} ON {table}", when, ", ".join((kind, *values)))


def _words(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def _moments(moment: Any, number: Any) -> None:
    op.create_table(
        "moments",
        sa.Column("id", number, primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("at", moment, nullable=False),
        *(_words(name) for name in ("service", "environment")),
        sa.Column("number", sa.BigInteger(), nullable=False, server_default="0"),
        _words("name"),
        _words("why"),
        sqlite_autoincrement=True,
    )


def _notices(moment: Any, number: Any) -> None:
    op.create_table(
        "notices",
        sa.Column("id", number, primary_key=True),
        *(_words(name) for name in ("rule", "target", "event", "subject", "fold", "body")),
        sa.Column("at", moment, nullable=False),
        sa.Column("due_at", moment, nullable=False),
        sa.Column("fate", sa.String(20), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
        _words("error"),
        sa.Column("sent_at", moment),
        sa.Column("message", number),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notices_fate", "notices", ["fate", "due_at"])
    op.create_index("ix_notices_target", "notices", ["target", "sent_at"])


def _on_sqlite(name: str, event: str, when: str, values: str) -> None:
    at = "strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')"  # as `Moment` writes it
    kind, _, rest = values.partition(", ")
    note = f"INSERT INTO moments (kind, at, service, environment, number, name) VALUES ({kind}, {at}, {rest})"  # noqa: S608 (all of it stands above)
    op.execute(f"CREATE TRIGGER {name} {event} WHEN {when} BEGIN {note}; END")


def _on_postgresql(name: str, event: str, when: str, values: str) -> None:
    kind, _, rest = values.partition(", ")
    row = f"VALUES ({kind}, clock_timestamp(), {rest})"
    note = f"INSERT INTO moments (kind, at, service, environment, number, name) {row}"
    op.execute(
        f"CREATE FUNCTION note_{name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {note}; RETURN NULL; END $$"
    )
    op.execute(f"CREATE TRIGGER {name} {event} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION note_{name}()")
