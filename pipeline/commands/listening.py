"""The server's listening socket: opened before the server starts, so that a port in use is one sentence, and kept open
while the server is restarted, so that no webhook is turned away."""

import errno
import socket

from pipeline.errors import BadConfig, Conflict

BACKLOG = 2048


def listening_socket(listen: str, key: str = "server.listen") -> socket.socket:
    """`host:port`, `[v6]:port`; port 0 takes a free one. `key`: of shipway.yml, where it stands."""
    host, _, port = listen.rpartition(":")
    if not port.isdigit():
        raise BadConfig(f"{key} is {listen!r}; write it as address:port, for example 127.0.0.1:8080.")
    host = host.strip("[]")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, int(port)))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _sentence(listen, key, error) from error
    return listener


def socket_of(descriptor: int) -> socket.socket:
    """One that was opened by our parent."""
    return socket.socket(fileno=descriptor)


def _sentence(listen: str, key: str, error: OSError) -> BadConfig | Conflict:
    if error.errno == errno.EADDRINUSE:
        return Conflict(
            f"Another program already listens on {listen}: `ss -ltnp` tells which. "
            f"End it, or set {key} to another port."
        )
    if error.errno == errno.EACCES:
        return BadConfig(f"{listen} needs root's right to listen there. Set {key} to a port above 1023.")
    return BadConfig(f"{key} {listen} is no address of this machine ({error.strerror or error}).")
