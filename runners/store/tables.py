"""The tables, as the queries see them. Says nothing about how they come to be: that is `migrations/`, and a test
compares the two. See docs/schema.md for what each is for.

The conditions of partial indexes stand here in SQLite's words alone: PostgreSQL's, which the migrations say as well, would
make every process load that database's packages.
"""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)

from pipeline.rollout.deployment import ACTIVE
from runners.store.columns import Id, Moment, Words

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
RUNS_BESIDE = (
    "service",
    "environment",
    "merge_request",
)  # runs that are alike in these go one after the other
OVER = "finished_at IS NOT NULL"
ONE_RUNNING = "status = 'running'"
ONE_ACTIVE = "status IN ({})".format(", ".join(f"'{status}'" for status in sorted(ACTIVE)))


metadata = MetaData(naming_convention=NAMES)


def _words(name: str) -> Column[str]:
    return Column(name, Words, nullable=False, server_default="")


def _moment(name: str, nullable: bool = True) -> Column[datetime]:
    return Column(name, Moment, nullable=nullable)


deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("forge", Words, nullable=False),
    Column("key", Words, nullable=False),
    _words("event"),
    _words("project"),
    _words("headers"),
    Column("body", LargeBinary),  # as in `bodies`; NULL once `tidy` let it go
    _words("ignored"),
    _moment("received_at", nullable=False),
    _words("services"),  # JSON: those whose secret proved it
    Column("replay_of", Id),
    UniqueConstraint("forge", "key"),
    sqlite_autoincrement=True,
)

sights = Table(
    "sights",
    metadata,
    Column("service", Words, primary_key=True),
    Column("version", BigInteger, nullable=False),
    _words("address"),
    _words("bound"),  # JSON
    _words("trouble"),
    _moment("trouble_since"),
)

heads = Table(
    "heads",
    metadata,
    Column("service", Words, primary_key=True),
    Column("ref", Words, primary_key=True),
    _words("commit_sha"),  # empty: gone
    _words("before"),  # where a look found that it came from
    Column("swept", BigInteger),  # the look's delivery, until the webhook comes
)

leases = Table(
    "leases",
    metadata,
    Column("key", Words, primary_key=True),
    _words("owner"),  # empty: given back
    Column("fence", BigInteger, nullable=False),
    _moment("until", nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("service", Words, nullable=False),
    Column("environment", Words, nullable=False),
    _words("kind"),
    _words("ref"),
    _words("commit_sha"),
    Column("status", String(20), nullable=False),
    _moment("created_at", nullable=False),
    _words("requested_by"),
    _words("message"),
    _moment("started_at"),
    _moment("finished_at"),
    _words("error"),
    _words("stages"),  # JSON; empty: all pending
    Column("release", Integer),
    Column("deployment", BigInteger),
    Column("delivery", Id, ForeignKey("deliveries.id")),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("cancel_requested", Boolean, nullable=False, server_default=text("false")),
    Column("merge_request", Integer, nullable=False, server_default="0"),  # 0: of none; else `environment` is empty
    _words("target"),
    Column("fork", Boolean, nullable=False, server_default=text("false")),
    Column("waits", Boolean, nullable=False, server_default=text("false")),  # for an approval
    _words("approved_by"),
    _words("held"),  # why its deployment waits for a window or the end of a freeze; empty: it does not
    _words("overridden_by"),  # who let it deploy all the same
    _words("override_reason"),
    _moment("committed_at"),
    Index("one_run_at_a_time", *RUNS_BESIDE, unique=True, sqlite_where=text(ONE_RUNNING)),
    Index("ix_runs_status", "status", "service", "environment"),
    Index("ix_runs_delivery", "delivery"),
    Index("ix_runs_finished_at", "finished_at", sqlite_where=text(OVER)),
    Index("ix_runs_deployment", "deployment"),
    Index("ix_runs_environment", "service", "environment", "id"),
    sqlite_autoincrement=True,
)  # fmt: skip

services = Table(
    "services",
    metadata,
    Column("name", Words, primary_key=True),
    Column("last_release", Integer, nullable=False),
)

releases = Table(
    "releases",
    metadata,
    Column("service", Words, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _words("image"),
    _words("environment"),
    _moment("created_at", nullable=False),
    _words("record"),  # JSON, secrets sealed
)

deployments = Table(
    "deployments",
    metadata,
    Column("id", Id, primary_key=True),
    Column("service", Words, nullable=False),
    Column("environment", Words, nullable=False),
    Column("release", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("run", BigInteger),
    _moment("created_at", nullable=False),
    _moment("finished_at"),
    _moment("good_at"),  # when the verdict became good
    Column("reason", String(20), nullable=False, server_default=""),
    _moment("failed_at"),
    Column("request", String(20), nullable=False, server_default=""),
    Column("request_no", Integer, nullable=False, server_default="0"),
    _words("record"),  # JSON, secrets sealed
    Index("one_deployment_at_a_time", "service", "environment", unique=True, sqlite_where=text(ONE_ACTIVE)),
    Index("ix_deployments_status", "status", "service", "environment"),
    Index("ix_deployments_finished_at", "finished_at", sqlite_where=text(OVER)),
    Index("ix_deployments_environment", "service", "environment", "id"),
    sqlite_autoincrement=True,
)  # fmt: skip

happenings = Table(
    "happenings",
    metadata,
    Column("id", Id, primary_key=True),
    Column("deployment", Id, ForeignKey("deployments.id"), nullable=False),
    _moment("at", nullable=False),
    _words("kind"),
    _words("text"),
    _words("host"),
    Index("ix_happenings_deployment", "deployment", "id"),
    sqlite_autoincrement=True,
)

environments = Table(
    "environments",
    metadata,
    Column("service", Words, primary_key=True),
    Column("environment", Words, primary_key=True),
    Column("live", Integer),
    Column("last_good", Integer),
    Column("replicas", Integer),
    _words("placed"),  # JSON: host -> replicas
    _words("moved"),  # JSON: host -> in | out
)

hosts = Table(
    "hosts",
    metadata,
    Column("name", Words, primary_key=True),
    _moment("drained_at"),
    _words("drained_by"),
    _words("reason"),
    _moment("silent_since"),
    _moment("returned_at"),
)

sites = Table(
    "sites",
    metadata,
    Column("proxy", Words, primary_key=True),
    Column("host", Words, primary_key=True),
    Column("generation", BigInteger, nullable=False),
)

routes = Table(
    "routes",
    metadata,
    Column("proxy", Words, primary_key=True),
    Column("host", Words, primary_key=True),
    Column("service", Words, primary_key=True),
    Column("environment", Words, primary_key=True),
    _words("record"),  # JSON
)

tokens = Table(
    "tokens",
    metadata,
    Column("name", Words, primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("role", String(20), nullable=False),
    _words("scopes"),  # JSON
    _moment("created_at", nullable=False),
    _moment("last_used"),
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", Words, primary_key=True),
    Column("service", Words, primary_key=True),  # empty: all; as is the environment
    Column("environment", Words, primary_key=True),
    Column("stage", String(20), primary_key=True),
    Column("sealed", Words, nullable=False),
    _moment("set_at", nullable=False),
    _words("set_by"),
)

installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # 1: there is one row
    _words("name"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    _moment("at", nullable=False),
    _words("actor"),
    _words("action"),
    _words("target"),
    _words("detail"),
    sqlite_autoincrement=True,
)
