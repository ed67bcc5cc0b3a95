"""Brings the schema up to date, in one transaction, so that two processes which start at once both succeed.

An empty database gets today's schema at once, and one that has it is left alone. Only steps between the two need
Alembic, which takes as long to load as all other packages of the books.
"""

from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect

from pipeline.errors import Conflict, Rejected
from runners.store.beginning import begin, is_empty
from runners.store.database import Database
from runners.store.machines import others
from runners.store.revisions import newest, revision_of
from runners.store.shared_tables import machines
from runners.store.tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config

SCRIPTS = Path(__file__).parent / "migrations"


def migrate(database: Database, machine: str = "") -> None:
    """To the newest version. Who comes second waits, then finds nothing to do. Raises `Conflict` when a step breaks older
    versions (`stops_older = True` in its file) and another machine than `machine` works with one."""

    def work(tx: Connection) -> None:
        database.line_up(tx, ("schema",))
        if is_empty(tx):
            begin(tx, metadata)
        elif revision_of(tx) != newest():
            _step_by_step(tx, database, machine)

    if database.read(revision_of, patience=60.0) != newest():
        database.write(work, patience=60.0)


def _step_by_step(tx: Connection, database: Database, machine: str) -> None:
    from alembic import command
    from alembic.util import CommandError

    found = configuration(tx)
    _refuse_over_older(tx, database, found, machine)
    try:
        command.upgrade(found, "head")
    except CommandError as error:
        raise Rejected(
            f"The database {database.name} was written by a newer Shipway ({error}). Install that version again, or "
            "restore the backup that was made before it."
        ) from error


def _refuse_over_older(tx: Connection, database: Database, found: "Config", machine: str) -> None:
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    if not inspect(tx).has_table(machines.name):
        return
    version = MigrationContext.configure(tx).get_current_revision()
    newer = takewhile(
        lambda step: step.revision != version, ScriptDirectory.from_config(found).walk_revisions()
    )
    breaking = [step.revision for step in newer if getattr(step.module, "stops_older", False)]
    there = others(tx, machine, database.now(tx)) if breaking else ()
    if there:
        names = ", ".join(f"{one.name} (version {one.version})" for one in there)
        raise Conflict(
            f"This version changes the database so that older ones cannot work on it (step {breaking[-1]}), and {names} "
            "still does. End Shipway there (`systemctl stop shipway`), then start this one."
        )


def configuration(tx: Connection) -> "Config":
    """Where the migrations lie, and the connection that they run on."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = tx
    return config
