"""The tables of how hosts join: our authorities, invitations, certificates. Part of the schema of `tables`."""

from sqlalchemy import Column, Index, Table

from runners.store.columns import Moment, Words
from runners.store.tables import metadata


def _words(name: str) -> Column[str]:
    return Column(name, Words, nullable=False, server_default="")


authorities = Table(
    "authorities",
    metadata,
    Column("name", Words, primary_key=True),
    Column("certificate", Words, nullable=False),
    Column("sealed", Words, nullable=False),  # its key
    Column("made_at", Moment, nullable=False),
)

invitations = Table(
    "invitations",
    metadata,
    Column("hash", Words, primary_key=True),  # of the token; its text is nowhere
    Column("labels", Words, nullable=False, server_default="{}"),
    *(_words(name) for name in ("region", "name", "pool", "provider", "instance", "via", "by")),
    _words("key"),  # fingerprint of the first key that came with it
    _words("host"),  # the name that this one was given
    Column("expires_at", Moment, nullable=False),
    Index("ix_invitations_expires_at", "expires_at"),
)

host_certificates = Table(
    "host_certificates",
    metadata,
    Column("serial", Words, primary_key=True),  # hexadecimal
    Column("host", Words, nullable=False),
    Column("key", Words, nullable=False),  # fingerprint
    Column("usage", Words, nullable=False),
    Column("issued_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("revoked_at", Moment),
    _words("revoked_by"),
    Index("ix_host_certificates_host", "host"),
)
