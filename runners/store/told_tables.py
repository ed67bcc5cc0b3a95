"""The tables of what is told, to forges and to people, beside those of `tables`. See docs/schema.md."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, false

from runners.store.columns import Id, Moment, Words
from runners.store.tables import metadata


def _words(name: str) -> Column[str]:
    return Column(name, Words, nullable=False, server_default="")


outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("noun", String(20), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("service", Words, nullable=False),
    Column("at", Moment, nullable=False),
    sqlite_autoincrement=True,
)

reports = Table(
    "reports",
    metadata,
    Column("noun", String(20), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("service", Words, nullable=False),
    _words("said"),  # JSON: key -> what the forge took last
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("retry_at", Moment),
    _words("error"),
    Column("at", Moment, nullable=False),
    Index("ix_reports_at", "at"),
)

moments = Table(
    "moments",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("at", Moment, nullable=False),
    _words("service"),
    _words("environment"),
    Column("number", BigInteger, nullable=False, server_default="0"),
    _words("name"),  # of a host
    _words("why"),
    sqlite_autoincrement=True,
)

notices = Table(
    "notices",
    metadata,
    Column("id", Id, primary_key=True),
    _words("rule"),
    _words("target"),  # a label, never the address
    _words("event"),
    _words("subject"),
    _words("fold"),
    _words("body"),  # JSON
    Column("at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("fate", String(20), nullable=False),
    Column("count", Integer, nullable=False, server_default="1"),
    Column("held", Boolean, nullable=False, server_default=false()),
    Column("tries", Integer, nullable=False, server_default="0"),
    _words("error"),
    Column("sent_at", Moment),
    Column("message", Id),  # the first notice of those that went out together
    Index("ix_notices_fate", "fate", "due_at"),
    Index("ix_notices_target", "target", "sent_at"),
    sqlite_autoincrement=True,
)
