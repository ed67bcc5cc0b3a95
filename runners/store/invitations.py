"""The book of invitations. Tokens are 256 random bits, so a plain SHA-256 of them is enough; their texts are nowhere."""

import hashlib
import json
import secrets
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from pipeline.enrolment.invitation import Invitation, Via
from pipeline.errors import NotFound
from runners.store.database import Database
from runners.store.enrolment_tables import invitations

PREFIX = "shwj_"
REMEMBERED = timedelta(days=1)  # after its end, so that it can be said

COLUMNS = invitations.c


class SqlInvitations:
    """Implements `pipeline.enrolment.books.Invitations`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def invite(self, invitation: Invitation) -> str:
        token = PREFIX + secrets.token_urlsafe(32)
        row = asdict(invitation) | {"hash": _hash(token), "labels": json.dumps(dict(invitation.labels))}
        row["via"] = invitation.via.value

        def work(tx: Connection) -> None:
            old = self._database.now(tx) - REMEMBERED
            tx.execute(delete(invitations).where(COLUMNS.expires_at < old))
            tx.execute(insert(invitations).values(row))

        self._database.write(work)
        return token

    def find(self, token: str) -> Invitation | None:
        query = select(invitations).where(COLUMNS.hash == _hash(token))
        row = self._database.read(lambda tx: tx.execute(query).one_or_none())
        return None if row is None else _invitation(row)

    def bind(self, token: str, key: str, host: str) -> Invitation:
        mark = _hash(token)
        first = update(invitations).where(COLUMNS.hash == mark, COLUMNS.key == "").values(key=key, host=host)

        def work(tx: Connection) -> Invitation:
            tx.execute(first)
            row = tx.execute(select(invitations).where(COLUMNS.hash == mark)).one_or_none()
            if row is None:
                raise NotFound(
                    "This token is not known here any more. Ask for a new line: `shipway hosts invite`."
                )
            return _invitation(row)

        return self._database.write(work)

    def withdraw(self, pool: str, instance: str) -> None:
        gone = delete(invitations).where(COLUMNS.pool == pool, COLUMNS.instance == instance)
        self._database.write(lambda tx: tx.execute(gone))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _invitation(row: Row[Any]) -> Invitation:
    found = {name: value for name, value in row._asdict().items() if name != "hash"}
    return Invitation(**found | {"labels": json.loads(row.labels), "via": Via(row.via)})
