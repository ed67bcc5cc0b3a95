"""How the database is: its version, the one that this Shipway wants, and what is damaged. Reads only."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, inspect, text

VERSIONS = Path(__file__).parent / "migrations" / "versions"
FAULTS = 5  # are told


@dataclass(frozen=True)
class Condition:
    """`version` empty: no tables yet. `known`: it is one of ours, older or newest."""

    version: str
    newest: str
    known: bool
    faults: tuple[str, ...] = ()


def condition(tx: Connection) -> Condition:
    versions = _versions()
    version = ""
    if inspect(tx).has_table("alembic_version"):
        version = str(tx.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none() or "")
    newest = next(v for v in versions if v not in set(versions.values()))
    return Condition(version, newest, version in versions, _faults(tx))


def _versions() -> dict[str, str]:
    """Revision -> the one before it, from the files' own lines: Alembic takes half a second to load."""
    found = {}
    for path in VERSIONS.glob("v*.py"):
        lines = dict(
            line.replace("'", '"').split(" = ", 1) for line in path.read_text().splitlines() if " = " in line
        )
        names = {key.partition(":")[0]: value.strip().strip('"') for key, value in lines.items()}
        found[names["revision"]] = names["down_revision"]
    return found


def _faults(tx: Connection) -> tuple[str, ...]:
    """PostgreSQL looks after itself."""
    if tx.dialect.name != "sqlite":
        return ()
    said = [str(line) for (line,) in tx.execute(text(f"PRAGMA quick_check({FAULTS})"))]
    return () if said == ["ok"] else tuple(said)
