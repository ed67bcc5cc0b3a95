"""Where the books of this machine's Shipway are: the configured database, or SQLite in the data folder."""

from pipeline.settings import Server
from runners.store import Store, open_store


def store_of(server: Server) -> Store:
    """Opens no connection yet. Whoever starts first brings the schema up to date (`store.migrate`)."""
    return open_store(server.database or f"sqlite:///{server.data}/shipway.db", f"{server.data}/keys")
