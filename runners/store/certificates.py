"""The book of certificates that hosts were given. Rows stay until a while after their end, so that a revoked one is known."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from pipeline.enrolment.invitation import HostCertificate
from runners.store.database import Database
from runners.store.enrolment_tables import host_certificates

REMEMBERED = timedelta(days=30)  # after its end

COLUMNS = host_certificates.c


class SqlCertificates:
    """Implements `pipeline.enrolment.books.Certificates`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, certificate: HostCertificate) -> None:
        def work(tx: Connection) -> None:
            old = self._database.now(tx) - REMEMBERED
            tx.execute(delete(host_certificates).where(COLUMNS.expires_at < old))
            tx.execute(insert(host_certificates).values(asdict(certificate)))

        self._database.write(work)

    def find(self, serial: str) -> HostCertificate | None:
        query = select(host_certificates).where(COLUMNS.serial == serial)
        row = self._database.read(lambda tx: tx.execute(query).one_or_none())
        return None if row is None else _certificate(row)

    def holders(self) -> Mapping[str, str]:
        query = (
            select(COLUMNS.host, COLUMNS.key).where(COLUMNS.revoked_at.is_(None)).order_by(COLUMNS.issued_at)
        )
        rows = self._database.read(lambda tx: tx.execute(query).all())
        return {row.host: row.key for row in rows}

    def ends(self) -> Mapping[str, datetime]:
        good = COLUMNS.revoked_at.is_(None), COLUMNS.usage == "client"
        query = select(COLUMNS.host, COLUMNS.expires_at).where(*good).order_by(COLUMNS.expires_at)
        rows = self._database.read(lambda tx: tx.execute(query).all())
        return {row.host: row.expires_at for row in rows}

    def of(self, host: str) -> Sequence[HostCertificate]:
        query = select(host_certificates).where(COLUMNS.host == host).order_by(COLUMNS.issued_at.desc())
        return [_certificate(row) for row in self._database.read(lambda tx: tx.execute(query).all())]

    def revoke(self, host: str, by: str, at: datetime) -> int:
        good = COLUMNS.host == host, COLUMNS.revoked_at.is_(None), COLUMNS.expires_at > at
        change = update(host_certificates).where(*good).values(revoked_at=at, revoked_by=by)
        return self._database.write(lambda tx: tx.execute(change).rowcount)


def _certificate(row: Row[Any]) -> HostCertificate:
    return HostCertificate(**row._asdict())
