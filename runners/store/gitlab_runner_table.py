"""The table of GitLab runners, beside those of `tables`."""

from sqlalchemy import BigInteger, Column, Float, Integer, Table

from runners.store.columns import Moment, Words
from runners.store.tables import metadata


def _words(name: str) -> Column[str]:
    return Column(name, Words, nullable=False, server_default="")


gitlab_runners = Table(
    "gitlab_runners",
    metadata,
    Column("fleet", Words, primary_key=True),
    Column("host", Words, primary_key=True),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    _words("place"),  # JSON: the host as it was
    _words("url"),
    _words("ca"),
    _words("scope"),
    _words("description"),
    _words("system_id"),
    _words("sealed"),  # its token
    _words("trouble"),
    Column("scope_id", BigInteger, nullable=False),
    Column("stop_timeout", Float, nullable=False),
    Column("runner", BigInteger, nullable=False),  # 0: GitLab's answer is not kept yet
    Column("drain_by", Moment),
)
