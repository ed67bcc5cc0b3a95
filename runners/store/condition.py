"""How the database is: its version, the one that this Shipway wants, and what is damaged. Reads only."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from runners.store.revisions import newest, revision_of, revisions

FAULTS = 5  # are told


@dataclass(frozen=True)
class Condition:
    """`version` empty: no tables yet. `known`: it is one of ours, older or newest."""

    version: str
    newest: str
    known: bool
    faults: tuple[str, ...] = ()


def condition(tx: Connection) -> Condition:
    version = revision_of(tx)
    return Condition(version, newest(), version in revisions(), _faults(tx))


def _faults(tx: Connection) -> tuple[str, ...]:
    """PostgreSQL looks after itself."""
    if tx.dialect.name != "sqlite":
        return ()
    said = [str(line) for (line,) in tx.execute(text(f"PRAGMA quick_check({FAULTS})"))]
    return () if said == ["ok"] else tuple(said)
