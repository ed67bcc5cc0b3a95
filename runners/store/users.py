"""The book of users. Passwords are hashed and proved outside of transactions, which must stay short."""

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from pipeline.errors import BadSignature, Conflict, Forbidden, NotFound, Refused, TooMany
from pipeline.secret import Secret
from pipeline.user import FORGOTTEN, FREE, LOCAL, ROLES, Person, User, wait_after, weakness
from runners.passwords import hashed, holds
from runners.store import people_tables as tables
from runners.store.database import Database

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
COLUMNS = tables.users.c
FAILURES = tables.sign_in_failures.c


class SqlUsers:
    """Implements `pipeline.people.Users`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, role: str, scopes: Sequence[str], password: Secret) -> None:
        _check(name, role, password)
        row = {"password": hashed(password), "role": role, "scopes": json.dumps(list(scopes))}

        def work(tx: Connection) -> None:
            if self._row(tx, name) is not None:
                raise Conflict(f"There is a user named {name!r} already. Take another name.")
            self._add(tx, name, LOCAL, name, row)

        self._database.write(work)

    def users(self) -> list[User]:
        query = select(tables.users).order_by(COLUMNS.name)
        return [user_of(row) for row in self._database.read(lambda tx: tx.execute(query).all())]

    def prove(self, name: str, password: Secret, address: str) -> User:
        keys = _keys(name, address)
        row = self._database.write(lambda tx: self._tried(tx, name, keys))
        if not holds(row.password if row is not None else "", password) or row is None or row.disabled:
            raise BadSignature("This name and this password do not belong together. Try again.")
        self._database.write(lambda tx: _forgive(tx, keys))
        return user_of(row)

    def welcome(self, person: Person, origin: str, role: str) -> User:
        def work(tx: Connection) -> Row[Any] | None:
            same = COLUMNS.origin == origin, COLUMNS.subject == person.subject
            row = tx.execute(select(tables.users).where(*same)).one_or_none()
            if row is None or row.name != person.name:
                self._check_free(tx, person.name)
            if row is None:
                self._add(tx, person.name, origin, person.subject, {"role": role})
            else:
                tx.execute(update(tables.users).where(*same).values(name=person.name, role=role))
            return self._row(tx, person.name)

        row = self._database.write(work)
        if row is None or row.disabled:
            raise Forbidden(f"The user {person.name!r} is disabled here. Ask an administrator.")
        return user_of(row)

    def set_password(self, name: str, password: Secret) -> None:
        _check(name, ROLES[0], password)
        self._change(name, {"password": hashed(password)}, COLUMNS.origin == LOCAL)

    def disable(self, name: str, disabled: bool = True) -> None:
        self._change(name, {"disabled": disabled})

    def _change(self, name: str, values: dict[str, Any], *also: Any) -> None:
        def work(tx: Connection) -> None:
            if not tx.execute(
                update(tables.users).where(COLUMNS.name == name, *also).values(values)
            ).rowcount:
                raise NotFound(
                    f"There is no user {name!r} of whom this can be changed. `shipway user list` shows them."
                )
            tx.execute(delete(tables.sessions).where(tables.sessions.c.user == name))

        self._database.write(work)

    def _tried(self, tx: Connection, name: str, keys: dict[str, str]) -> Row[Any] | None:
        """Counted before it is looked at, so that guesses side by side are no way around."""
        now = self._database.now(tx)
        tx.execute(delete(tables.sign_in_failures).where(FAILURES.at < now - FORGOTTEN))
        for kind, key in keys.items():
            self._database.line_up(tx, ("sign-in", key))
            self._count(tx, key, FREE[kind], now)
        row = self._row(tx, name)
        return row if row is not None and row.origin == LOCAL else None

    def _count(self, tx: Connection, key: str, free: int, now: datetime) -> None:
        found = tx.execute(select(tables.sign_in_failures).where(FAILURES.key == key)).one_or_none()
        failures = found.failures if found is not None and found.at > now - FORGOTTEN else 0
        left = wait_after(failures, free) - ((now - found.at).total_seconds() if found is not None else 0)
        if failures and left > 0:
            raise TooMany(f"Too many sign-ins failed. Try again in {int(left) + 1} s.", left)
        new = {"failures": failures + 1, "at": now}
        row = self._database.insert(tables.sign_in_failures).values(key=key, **new)
        tx.execute(row.on_conflict_do_update(index_elements=["key"], set_=new))

    def _add(self, tx: Connection, name: str, origin: str, subject: str, values: dict[str, Any]) -> None:
        known = {"name": name, "origin": origin, "subject": subject, "created_at": self._database.now(tx)}
        tx.execute(insert(tables.users).values(known | values))

    def _check_free(self, tx: Connection, name: str) -> None:
        if not NAME.fullmatch(name):
            raise Refused(
                f"{name!r} cannot be a user's name here: letters, digits, '.', '_' and '-', 100 at most."
            )
        if self._row(tx, name) is not None:
            raise Conflict(f"There is another user named {name!r} here already. Ask an administrator.")

    def _row(self, tx: Connection, name: str) -> Row[Any] | None:
        return tx.execute(select(tables.users).where(COLUMNS.name == name)).one_or_none()


def _forgive(tx: Connection, keys: dict[str, str]) -> None:
    """The right password. An address keeps what others failed there."""
    tx.execute(delete(tables.sign_in_failures).where(FAILURES.key.in_([keys["both"], keys["user"]])))
    one_less = update(tables.sign_in_failures).values(failures=FAILURES.failures - 1)
    tx.execute(one_less.where(FAILURES.key == keys["address"], FAILURES.failures > 0))


def user_of(row: Row[Any]) -> User:
    scopes = tuple(json.loads(row.scopes))
    return User(row.name, row.role, scopes, row.origin, row.disabled, row.created_at, row.seen_at)


def _keys(name: str, address: str) -> dict[str, str]:
    """What is counted. Hashed: names are as long as somebody likes, and may be a password typed into the wrong field."""
    counted = {"both": f"{address}\n{name}", "user": name, "address": address}
    return {
        kind: hashlib.sha256(f"{kind}:{text}".encode("utf-8", "replace")).hexdigest()
        for kind, text in counted.items()
    }


def _check(name: str, role: str, password: Secret) -> None:
    if not NAME.fullmatch(name):
        raise Refused(f"{name!r} cannot be a user's name: letters, digits, '.', '_' and '-', 100 at most.")
    if role not in ROLES:
        raise Refused(f"{role!r} is no role. Roles: {', '.join(ROLES)}.")
    if why := weakness(name, password):
        raise Refused(why)
