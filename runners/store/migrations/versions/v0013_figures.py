"""What figures are made of, as columns: when a commit was made, why there was a deployment, when its failure was noticed."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ON_SQLITE = "json_extract(record, '$.reason'), failed_at = json_extract(record, '$.failed_at')"
ON_POSTGRESQL = "record::json->>'reason', failed_at = (record::json->>'failed_at')::timestamptz"


def upgrade() -> None:
    moment = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
    op.add_column("runs", sa.Column("committed_at", moment))
    op.add_column("deployments", sa.Column("reason", sa.String(20), nullable=False, server_default=""))
    op.add_column("deployments", sa.Column("failed_at", moment))
    values = ON_SQLITE if op.get_bind().dialect.name == "sqlite" else ON_POSTGRESQL
    op.execute(f"UPDATE deployments SET reason = {values} WHERE record <> ''")  # noqa: S608 (no value of anybody)
    over = sa.text("finished_at IS NOT NULL")  # so that what is open, as a new run is, costs nothing
    for table in ("runs", "deployments"):
        name = f"ix_{table}_finished_at"
        op.create_index(name, table, ["finished_at"], sqlite_where=over, postgresql_where=over)
