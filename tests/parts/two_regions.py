"""One name over two regions, all of it real but the provider: two web servers on addresses of their own, and an entrance of
shipway.yml over them at a DNSPod of ours."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.parts.dns.dnspod_cloud import KEYS, Dnspod, dnspod_server
from tests.parts.house import free_port

NAME = "shop.example.com"
HZ, SG = "127.0.1.1", "127.0.1.2"
HEALTH = {"interval": "1s", "timeout": "1s", "out_after": 2, "in_after": 2, "hold": "2s"}


class Region:
    """A real web server that can die and come back."""

    def __init__(self, address: str, port: int) -> None:
        self.address, self.port = address, port
        self.start()

    def start(self) -> None:
        self._server = ThreadingHTTPServer((self.address, self.port), _Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@dataclass(frozen=True)
class TwoRegions:
    """`keys`: what stands under `entrances` in shipway.yml."""

    regions: dict[str, Region]
    cloud: Dnspod
    port: int
    keys: dict[str, Any]


@contextmanager
def two_regions() -> Iterator[TwoRegions]:
    port, cloud = free_port(), Dnspod("example.com")
    regions = {"hz": Region(HZ, port), "sg": Region(SG, port)}
    try:
        with dnspod_server(cloud) as server:
            yield TwoRegions(regions, cloud, port, {"shop": _entrance(server.url, port)})
    finally:
        for one in regions.values():
            one.stop()


def _entrance(endpoint: str, port: int) -> dict[str, Any]:
    key, secret = next(iter(KEYS.items()))
    return {
        "name": NAME, "provider": "dnspod", "zone": "example.com", "ttl": 1, "endpoint": endpoint,
        "access_key": key, "secret_key": secret, "health": HEALTH | {"url": f"http://{NAME}:{port}/healthz"},
        "regions": {"hz": {"address": HZ, "share": 60}, "sg": {"address": SG, "share": 40}},
    }  # fmt: skip
