"""Brings the schema up to date, in one transaction, so that two processes which start at once both succeed.

Alembic is loaded by the one process that migrates: it takes as long as all other packages of the books, and workers,
server and scheduler begin when the schema is there.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from pipeline.errors import Rejected
from runners.store.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

SCRIPTS = Path(__file__).parent / "migrations"


def migrate(database: Database) -> None:
    """To the newest version. Who comes second waits, then finds nothing to do."""
    from alembic import command
    from alembic.util import CommandError

    def work(tx: Connection) -> None:
        database.line_up(tx, ("schema",))
        command.upgrade(configuration(tx), "head")

    try:
        database.write(work, patience=60.0)
    except CommandError as error:
        raise Rejected(
            f"The database {database.name} was written by a newer Shipway ({error}). Install that version again, or "
            "restore the backup that was made before it."
        ) from error


def configuration(tx: Connection) -> "Config":
    """Where the migrations lie, and the connection that they run on."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = tx
    return config
