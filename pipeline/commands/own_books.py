"""The database of the Shipway whose shipway.yml this is, for commands that need no server."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from pipeline.commands.asked import asked


def own_settings() -> Any:
    return import_module("runners.settings_source").load_settings(asked().config_path())


@contextmanager
def own_books(settings: Any = None) -> Iterator[Any]:
    """Loaded by name: the database's packages cost half a second that a remote caller, and `--help`, need not wait for."""
    store = import_module("runners.own_store").store_of((settings or own_settings()).server)
    try:
        store.migrate()
        yield store
    finally:
        store.close()
