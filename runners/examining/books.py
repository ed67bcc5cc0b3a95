"""Database and Redis: whether they answer, are of the right version, and are whole."""

from pathlib import Path

from redis.exceptions import RedisError

from pipeline.errors import ShipwayError
from pipeline.settings import Server
from runners.examining.finding import Finding, bad, numbers, ok, size, warn
from runners.job_queue import connect
from runners.own_store import store_of
from runners.redis_child import program, redis_url, socket_path
from runners.store.condition import Condition

OLDEST_REDIS = (6, 2)
MUCH_WAL = 256e6  # bytes; it is taken in at 4 MB, unless somebody reads for hours


def look_at_redis(url: str, data: str) -> list[Finding]:
    if not url and not socket_path(data).exists():
        return [ok("redis", f"`shipway up` will start {program()}")]
    client = connect(redis_url(url, data))
    try:
        info = client.info("server")
    except RedisError as error:
        if not url:
            return [ok("redis", f"`shipway up` does not run; it will start {program()}")]
        return [bad("redis", f"server.redis does not answer ({error})", "start it, or correct server.redis")]
    finally:
        client.close()
    version = str(info.get("valkey_version") or info.get("redis_version"))
    if numbers(version) < OLDEST_REDIS:
        text = f"version {version} is too old; 6.2 or newer is needed"
        return [bad("redis", text, "`apt install redis-server`, or `pip install 'shipway[valkey]'`")]
    return [ok("redis", f"answers, version {version}")]


def there(server: Server) -> bool:
    """Are there books yet? A look must not make any."""
    return bool(server.database) or Path(server.data, "shipway.db").exists()


def look_at_database(server: Server) -> list[Finding]:
    if not there(server):
        return [ok("database", f"SQLite will be made in {server.data} at the first start")]
    store = store_of(server)
    try:
        found = store.condition()
    except ShipwayError as error:
        return [bad("database", str(error), "start it, or correct server.database")]
    finally:
        store.close()
    where = "PostgreSQL" if server.database else f"SQLite in {server.data}"
    return [*_version(where, found), *_whole(server, found), *_wal(server)]


def _version(where: str, found: Condition) -> list[Finding]:
    if not found.version:
        return [warn("database", f"{where} answers and is empty", "`shipway up` makes its tables")]
    if found.version == found.newest:
        return [ok("database", f"{where} answers, version {found.version}")]
    if found.known:
        text = f"{where} has version {found.version}, this Shipway wants {found.newest}"
        return [warn("database", text, "restart `shipway up`: it brings the database up to date")]
    text = f"{where} has version {found.version}, which this Shipway does not know"
    return [bad("database", text, "install the Shipway that wrote it, or restore the backup before it")]


def _whole(server: Server, found: Condition) -> list[Finding]:
    if not found.faults:
        return []
    file = Path(server.data, "shipway.db")
    mend = f"stop `shipway up`, then `sqlite3 {file} .recover | sqlite3 {file}.new`, or restore a backup"
    return [bad("database", f"it is damaged: {'; '.join(found.faults)[:200]}", mend)]


def _wal(server: Server) -> list[Finding]:
    wal = Path(server.data, "shipway.db-wal")
    if server.database or not wal.exists() or wal.stat().st_size < MUCH_WAL:
        return []
    text = f"its write-ahead log has {size(wal.stat().st_size)}: somebody reads for very long"
    return [warn("database", text, "restart `shipway up`, which takes it in")]
