"""One exchange with HAProxy's runtime API: a command or several, the whole answer. Over a unix socket or TCP.

Never interprets an answer. The proxies that Shipway runs by itself are reached through their engine instead (`proxies/`).
"""

import socket
from urllib.parse import urlsplit

from pipeline.errors import BadConfig, Unreachable

_TIMEOUT = 5.0  # seconds, for all of it
_LIMIT = 1 << 24  # bytes of an answer


def ask(endpoint: str, commands: list[str]) -> list[str]:
    """An answer for each, in order; an exchange each, since answers of several are not told apart."""
    return [_exchange(endpoint, command) for command in commands]


def _exchange(endpoint: str, command: str) -> str:
    try:
        with _connected(endpoint) as connection:
            connection.sendall(f"{command}\n".encode())
            found = b""
            while len(found) < _LIMIT and (part := connection.recv(65536)):
                found += part
    except OSError as error:
        raise Unreachable(
            f"HAProxy at {endpoint} does not answer: {error}. Does it run, with `stats socket … level admin` there?"
        ) from error
    return found.decode(errors="replace").strip()


def _connected(endpoint: str) -> socket.socket:
    parts = urlsplit(endpoint)
    if parts.scheme == "tcp" and parts.hostname and parts.port:
        return socket.create_connection((parts.hostname, parts.port), _TIMEOUT)
    if parts.scheme != "unix":
        raise BadConfig(f"{endpoint!r} is no runtime API of HAProxy; write unix:///path or tcp://host:port.")
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(_TIMEOUT)
        connection.connect(parts.path)
    except BaseException:
        connection.close()
        raise
    return connection
