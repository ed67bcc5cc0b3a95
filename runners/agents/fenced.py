"""Connections to an agent's engine that say first for which site and generation they are. The agent looks at that before it
opens anything. Decides nothing.
"""

import socket
from typing import Any, cast

from docker.transport.unixconn import UnixHTTPAdapter, UnixHTTPConnection, UnixHTTPConnectionPool


class _Connection(UnixHTTPConnection):
    fence = b""
    sock: socket.socket

    def connect(self) -> None:
        super().connect()
        self.sock.sendall(self.fence)


class _Pool(UnixHTTPConnectionPool):
    fence = b""

    def _new_conn(self) -> Any:
        made = _Connection(self.base_url, self.socket_path, cast(Any, self.timeout))
        made.fence = self.fence
        return made


class FencedAdapter(UnixHTTPAdapter):
    def __init__(self, path: str, patience: int, site: str, generation: int) -> None:
        self._fence = f"FENCE {site} {generation}\n".encode("ascii")
        super().__init__(path, patience)

    def get_connection(self, url: str | bytes, proxies: Any = None) -> _Pool:
        with self.pools.lock:
            pool = self.pools.get(url)
            if pool is None:
                pool = self.pools[url] = _Pool(
                    str(url), self.socket_path, self.timeout, maxsize=self.max_pool_size
                )
                pool.fence = self._fence
        return pool
