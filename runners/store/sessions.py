"""The book of sessions and one-time tickets. Their texts are 256 random bits, so a plain SHA-256 of them is enough."""

import contextlib
import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from pipeline.errors import Unreachable
from pipeline.user import SESSION_IDLE, SESSION_LONGEST, Session, form_token
from runners.store import people_tables as tables
from runners.store.database import Database
from runners.store.users import user_of

NOTE_USE_EVERY = timedelta(minutes=5)
NOTE_PATIENCE = 0.2  # seconds; nobody waits for a note

SESSIONS = tables.sessions.c
TICKETS = tables.tickets.c


class SqlSessions:
    """Implements `pipeline.people.Sessions`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, name: str) -> str:
        text = secrets.token_urlsafe(32)

        def work(tx: Connection) -> None:
            now = self._database.now(tx)
            tx.execute(delete(tables.sessions).where(SESSIONS.expires_at < now))
            row = {"hash": _hash(text), "user": name, "created_at": now, "expires_at": now + SESSION_IDLE}
            tx.execute(insert(tables.sessions).values(row))
            tx.execute(update(tables.users).where(tables.users.c.name == name).values(seen_at=now))

        self._database.write(work)
        return text

    def session(self, text: str) -> Session | None:
        mark = _hash(text)
        owner = tables.sessions.join(tables.users, tables.users.c.name == SESSIONS.user)
        query = select(tables.users, SESSIONS.expires_at, SESSIONS.created_at.label("opened_at")).select_from(
            owner
        )
        query = query.where(SESSIONS.hash == mark, tables.users.c.disabled.is_(False))
        row, now = self._database.read(lambda tx: (tx.execute(query).one_or_none(), self._database.now(tx)))
        if row is None or row.expires_at <= now:
            return None
        until = min(now + SESSION_IDLE, row.opened_at + SESSION_LONGEST)
        if until > row.expires_at + NOTE_USE_EVERY:
            self._note_use(mark, until)
        return Session(user_of(row), form_token(text))

    def close(self, text: str) -> None:
        gone = delete(tables.sessions).where(SESSIONS.hash == _hash(text))
        self._database.write(lambda tx: tx.execute(gone))

    def issue(self, kind: str, note: Mapping[str, str], seconds: float) -> str:
        text = secrets.token_urlsafe(32)

        def work(tx: Connection) -> None:
            now = self._database.now(tx)
            tx.execute(delete(tables.tickets).where(TICKETS.expires_at < now))
            row = {"hash": _hash(text), "kind": kind, "note": json.dumps(dict(note))}
            tx.execute(insert(tables.tickets).values(expires_at=now + timedelta(seconds=seconds), **row))

        self._database.write(work)
        return text

    def note(self, kind: str, text: str) -> dict[str, str] | None:
        same = TICKETS.hash == _hash(text), TICKETS.kind == kind
        query = select(tables.tickets).where(*same)
        row, now = self._database.read(lambda tx: (tx.execute(query).one_or_none(), self._database.now(tx)))
        return _said(row.note) if row is not None and row.expires_at > now else None

    def redeem(self, kind: str, text: str) -> dict[str, str] | None:
        same = TICKETS.hash == _hash(text), TICKETS.kind == kind

        def work(tx: Connection) -> dict[str, str] | None:
            self._database.line_up(tx, ("ticket", _hash(text)))
            row = tx.execute(select(tables.tickets).where(*same)).one_or_none()
            if row is None or not tx.execute(delete(tables.tickets).where(*same)).rowcount:
                return None
            return _said(row.note) if row.expires_at > self._database.now(tx) else None

        return self._database.write(work)

    def _note_use(self, mark: str, until: datetime) -> None:
        """A locked database must not sign anybody out."""
        longer = update(tables.sessions).where(SESSIONS.hash == mark).values(expires_at=until)
        with contextlib.suppress(Unreachable):
            self._database.write(lambda tx: tx.execute(longer), NOTE_PATIENCE)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _said(note: str) -> dict[str, str]:
    said: dict[str, str] = json.loads(note)
    return said
