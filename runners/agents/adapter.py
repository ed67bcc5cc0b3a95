"""Connections of the SDK to an agent's engine. Those that change a proxy say first for which site and generation they are;
the agent looks at that before it opens anything. Decides nothing.
"""

import socket
from collections.abc import Callable
from typing import Any, cast

from docker.transport.unixconn import UnixHTTPAdapter, UnixHTTPConnection, UnixHTTPConnectionPool

Open = Callable[[], socket.socket]


class _Connection(UnixHTTPConnection):
    open: Open
    fence = b""
    sock: socket.socket

    def connect(self) -> None:
        self.sock = self.open()
        self.sock.settimeout(cast(Any, self.timeout))
        if self.fence:
            self.sock.sendall(self.fence)


class _Pool(UnixHTTPConnectionPool):
    open: Open
    fence = b""

    def _new_conn(self) -> Any:
        made = _Connection(self.base_url, self.socket_path, cast(Any, self.timeout))
        made.open, made.fence = self.open, self.fence
        return made


class AgentAdapter(UnixHTTPAdapter):
    """`open` is called for each connection. `site` and `generation`: the fence; no site: none."""

    def __init__(self, open_one: Open, patience: int, site: str = "", generation: int = 0) -> None:
        self._open = open_one
        self._fence = f"FENCE {site} {generation}\n".encode("ascii") if site else b""
        super().__init__("/agent", patience)

    def get_connection(self, url: str | bytes, proxies: Any = None) -> _Pool:
        with self.pools.lock:
            pool = self.pools.get(url)
            if pool is None:
                pool = self.pools[url] = _Pool(
                    str(url), self.socket_path, self.timeout, maxsize=self.max_pool_size
                )
                pool.open, pool.fence = self._open, self._fence
        return pool
