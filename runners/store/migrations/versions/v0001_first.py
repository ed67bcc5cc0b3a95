"""The first schema. A migration is history: it never imports today's tables and is never edited once released."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ACTIVE = "status IN ('awaiting_promotion', 'paused', 'preparing', 'rolling', 'rolling_back')"
RUNNING = "status = 'running'"


def upgrade() -> None:
    _inbox_and_runs()
    _releases_and_deployments()
    _environments_and_sites()
    _people()
    _lock_the_audit()


def _inbox_and_runs() -> None:
    _table(
        "deliveries",
        _id(),
        _text("forge", False),
        _text("key", False),
        _text("event"),
        _text("project"),
        _text("headers"),
        sa.Column("body", sa.LargeBinary()),
        _text("ignored"),
        _moment("received_at", False),
        sa.UniqueConstraint("forge", "key", name="uq_deliveries_forge_key"),
    )
    _table("leases", _key("key"), _text("owner"), _number("fence"), _moment("until", False), numbered=False)
    _table(
        "runs",
        _id(),
        _text("service", False),
        _text("environment", False),
        *(_text(name) for name in ("kind", "ref", "commit_sha")),
        _status("status"),
        _moment("created_at", False),
        _text("requested_by"),
        _text("message"),
        _moment("started_at"),
        _moment("finished_at"),
        _text("error"),
        _text("stages"),
        sa.Column("release", sa.Integer()),
        sa.Column("deployment", sa.BigInteger()),
        sa.Column("delivery", _ids(), sa.ForeignKey("deliveries.id", name="fk_runs_delivery")),
        sa.Column("attempt", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False, server_default=sa.text("false")),
    )
    _one_at_a_time("one_run_at_a_time", "runs", RUNNING)
    op.create_index("ix_runs_status", "runs", ["status", "service", "environment"])
    op.create_index("ix_runs_delivery", "runs", ["delivery"])
    op.create_index("ix_runs_deployment", "runs", ["deployment"])


def _releases_and_deployments() -> None:
    _table("services", _key("name"), sa.Column("last_release", sa.Integer(), nullable=False), numbered=False)
    number = sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False)
    texts = _text("image"), _text("environment")
    _table(
        "releases",
        _key("service"),
        number,
        *texts,
        _moment("created_at", False),
        _text("record"),
        numbered=False,
    )
    _table(
        "deployments",
        _id(),
        _text("service", False),
        _text("environment", False),
        sa.Column("release", sa.Integer(), nullable=False),
        _status("status"),
        sa.Column("run", sa.BigInteger()),
        _moment("created_at", False),
        _moment("finished_at"),
        _moment("good_at"),
        _status("request", server_default=""),
        sa.Column("request_no", sa.Integer(), nullable=False, server_default="0"),
        _text("record"),
    )
    _one_at_a_time("one_deployment_at_a_time", "deployments", ACTIVE)
    op.create_index("ix_deployments_status", "deployments", ["status", "service", "environment"])
    op.create_index("ix_deployments_environment", "deployments", ["service", "environment", "id"])
    of = sa.ForeignKey("deployments.id", name="fk_happenings_deployment")
    _table(
        "happenings",
        _id(),
        sa.Column("deployment", _ids(), of, nullable=False),
        _moment("at", False),
        _text("kind"),
        _text("text"),
        _text("host"),
    )
    op.create_index("ix_happenings_deployment", "happenings", ["deployment", "id"])


def _environments_and_sites() -> None:
    numbers = (sa.Column(name, sa.Integer()) for name in ("live", "last_good", "replicas"))
    _table("environments", _key("service"), _key("environment"), *numbers, numbered=False)
    _table("sites", _key("proxy"), _key("host"), _number("generation"), numbered=False)
    keys = (_key(name) for name in ("proxy", "host", "service", "environment"))
    _table("routes", *keys, _text("record"), numbered=False)


def _people() -> None:
    _table(
        "tokens",
        _key("name"),
        sa.Column("hash", sa.String(64), nullable=False),
        _status("role"),
        _text("scopes"),
        _moment("created_at", False),
        _moment("last_used"),
        sa.UniqueConstraint("hash", name="uq_tokens_hash"),
        numbered=False,
    )
    _table("audit", _id(), _moment("at", False), *(_text(n) for n in ("actor", "action", "target", "detail")))


def _lock_the_audit() -> None:
    """Lines are added, never changed nor removed, whoever asks."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
    )


def _table(name: str, *parts: sa.schema.SchemaItem, numbered: bool = True) -> None:
    """`numbered`: SQLite must not give a removed row's id to a new one."""
    op.create_table(name, *parts, **({"sqlite_autoincrement": True} if numbered else {}))


def _one_at_a_time(name: str, table: str, where: str) -> None:
    clause = sa.text(where)
    place = ["service", "environment"]
    op.create_index(name, table, place, unique=True, sqlite_where=clause, postgresql_where=clause)


def _ids() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _id() -> sa.Column[int]:
    return sa.Column("id", _ids(), primary_key=True)


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), primary_key=True)


def _text(name: str, empty: bool = True) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default="" if empty else None)


def _status(name: str, server_default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(20), nullable=False, server_default=server_default)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _moment(name: str, nullable: bool = True) -> sa.Column[object]:
    kind = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
    return sa.Column(name, kind, nullable=nullable)
