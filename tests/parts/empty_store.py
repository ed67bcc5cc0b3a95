"""Books that nothing was ever written to: a copy of a database that this process migrated once, since that takes longer
than most tests."""

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from runners.store import Store, open_store


def empty_store(folder: Path) -> Store:
    """Its files lie in `folder` then; whoever asked closes it."""
    empty_database(folder)
    return open_store(f"sqlite:///{folder}/shipway.db", str(folder / "keys"))


def empty_database(folder: Path) -> None:
    shutil.copytree(_migrated(), folder, dirs_exist_ok=True)


@cache
def _migrated() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="shipway-empty-"))
    atexit.register(_remove, folder, os.getpid())
    store = open_store(f"sqlite:///{folder}/shipway.db", str(folder / "keys"))
    store.migrate()
    store.close()
    return folder


def _remove(folder: Path, owner: int) -> None:
    """Not at the end of a fork."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
