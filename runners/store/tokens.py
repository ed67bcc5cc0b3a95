"""The book of API tokens. Only hashes are kept: a token's text is shown once and cannot be read again.

A token is 256 random bits, so a plain SHA-256 is enough; slow password hashes are for words that people choose.
"""

import contextlib
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update
from sqlalchemy import insert as insert_into

from pipeline.caller import Caller
from pipeline.errors import Conflict, NotFound, Refused, Unreachable
from runners.store import tables
from runners.store.database import Database

PREFIX = "shw_"
ROLES = ("viewer", "deployer", "admin")
NOTE_USE_EVERY = timedelta(minutes=1)
NOTE_PATIENCE = 0.2  # seconds; nobody waits for a note

COLUMNS = tables.tokens.c


class SqlTokens:
    """Implements `pipeline.books.Tokens`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, role: str, scopes: Sequence[str]) -> str:
        _check(name, role, scopes)
        text = PREFIX + secrets.token_urlsafe(32)

        def work(tx: Connection) -> None:
            if tx.execute(select(COLUMNS.name).where(COLUMNS.name == name)).first():
                raise Conflict(
                    f"There is a token named {name!r} already: revoke it first, or take another name."
                )
            row = {"name": name, "hash": _hash(text), "role": role, "scopes": json.dumps(list(scopes))}
            tx.execute(insert_into(tables.tokens).values(created_at=self._database.now(tx), **row))

        self._database.write(work)
        return text

    def who(self, text: str) -> Caller | None:
        if not text.startswith(PREFIX):
            return None
        mark = _hash(text)
        query = select(tables.tokens).where(COLUMNS.hash == mark)
        row, now = self._database.read(lambda tx: (tx.execute(query).one_or_none(), self._database.now(tx)))
        if row is None or not hmac.compare_digest(row.hash, mark):
            return None
        if row.last_used is None or row.last_used < now - NOTE_USE_EVERY:
            self._note_use(mark, now)
        return Caller(row.name, row.role, tuple(json.loads(row.scopes)))

    def tokens(self) -> list[Caller]:
        query = select(tables.tokens).order_by(COLUMNS.name)
        rows = self._database.read(lambda tx: tx.execute(query).all())
        return [Caller(row.name, row.role, tuple(json.loads(row.scopes))) for row in rows]

    def revoke(self, name: str) -> None:
        gone = self._database.write(
            lambda tx: tx.execute(delete(tables.tokens).where(COLUMNS.name == name)).rowcount
        )
        if not gone:
            raise NotFound(f"There is no token named {name!r}. `shipway token list` shows them.")

    def _note_use(self, mark: str, now: datetime) -> None:
        """A locked database must not keep anybody out."""
        used = update(tables.tokens).where(COLUMNS.hash == mark).values(last_used=now)
        with contextlib.suppress(Unreachable):
            self._database.write(lambda tx: tx.execute(used), NOTE_PATIENCE)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _check(name: str, role: str, scopes: Sequence[str]) -> None:
    if not name.strip():
        raise Refused("A token needs a name, so that it can be revoked.")
    if role not in ROLES:
        raise Refused(f"{role!r} is no role. Roles: {', '.join(ROLES)}.")
    for scope in scopes:
        parts = scope.split("/")
        if len(parts) > 2 or not all(parts):
            raise Refused(f"{scope!r} is no scope: write `service` or `service/environment`.")
