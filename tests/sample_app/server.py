#!/usr/bin/env python3
"""The sample service: a small HTTP/1.1 server, standard library only, that can be well behaved or bad on request.

    /            200, the version                      /slow?s=5     answers after so many seconds
    /healthz     200; 503 while it ends                /stream?s=5   a chunk each 0.1 s for so many seconds
    /greeting    200, what GREETING says               /socket?s=5   a WebSocket: a message each 0.1 s, then it closes

X-Version on every answer.

SIGTERM: finishes what it has, says `Connection: close`, takes nothing new. `BAD` (environment, else a file of that name
beside this one) makes it bad: `health` (503), `500` (healthy, but / fails), `slow:0.5` (healthy, but / takes so many seconds),
`cuts` (healthy, but / closes without an answer), `crash` (ends at start), `dies:3` (ends after so many seconds), `hangs`
(accepts, never answers), `deaf` (ignores SIGTERM), `abrupt` (drops all at SIGTERM), `asks:HOST:PORT` (only as well as what
listens there says when it is told this container's name).
"""

import asyncio
import base64
import hashlib
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

HERE = Path(__file__).parent
WEBSOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3


def said(name: str, default: str = "") -> str:
    """From the environment, else from a file beside this one."""
    path = HERE / name
    return os.environ.get(name) or (path.read_text().strip() if path.exists() else default)


class App:
    """Answers requests; knows whether it is ending."""

    def __init__(self, version: str, bad: str = "") -> None:
        self.version = version
        self.bad = bad
        self.ending = False
        self.busy = 0
        self.idle: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request after request."""
        try:
            while await self._one(reader, writer) and not self.ending:
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client went away
        finally:
            self.idle.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Read and answer one request. True while the connection may be kept."""
        self.idle.add(writer)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.idle.discard(writer)
        self.busy += 1
        try:
            await reader.readexactly(int(_header(head, "content-length") or 0))
            _, target, protocol = head.split("\r\n", 1)[0].split(" ")
            keep = protocol == "HTTP/1.1" and _header(head, "connection").lower() != "close"
            url = urlsplit(target)
            seconds = float(parse_qs(url.query).get("s", ["1"])[0])
            if url.path == "/socket":
                return await self._socket(writer, seconds, _header(head, "sec-websocket-key"))
            return await self._handlers().get(url.path, self._home)(writer, seconds, keep)
        finally:
            self.busy -= 1

    def _handlers(self) -> dict[str, Callable[[asyncio.StreamWriter, float, bool], Awaitable[bool]]]:
        return {
            "/healthz": self._health,
            "/slow": self._slow,
            "/stream": self._stream,
            "/greeting": self._greeting,
        }

    async def _home(self, writer: asyncio.StreamWriter, _: float, keep: bool) -> bool:
        if self.bad == "hangs":
            await asyncio.sleep(3600)
        if self.bad == "cuts":
            return False
        if self.bad.startswith("slow"):
            await asyncio.sleep(float(self.bad.partition(":")[2] or 0.5))
        return await self._answer(
            writer, 500 if self.bad == "500" else 200, f"version {self.version}\n", keep
        )

    async def _health(self, writer: asyncio.StreamWriter, _: float, keep: bool) -> bool:
        if self.bad == "hangs":
            await asyncio.sleep(3600)
        well = self.bad != "health" and not self.ending
        if self.bad.startswith("asks:"):
            well = well and await _said_well(*self.bad.split(":")[1:])
        return await self._answer(writer, 200 if well else 503, "well\n" if well else "unwell\n", keep)

    async def _greeting(self, writer: asyncio.StreamWriter, _: float, keep: bool) -> bool:
        return await self._answer(writer, 200, os.environ.get("GREETING", "") + "\n", keep)

    async def _slow(self, writer: asyncio.StreamWriter, seconds: float, keep: bool) -> bool:
        await asyncio.sleep(seconds)
        return await self._answer(writer, 200, f"version {self.version}\n", keep)

    async def _stream(self, writer: asyncio.StreamWriter, seconds: float, _: bool) -> bool:
        writer.write(f"{self._head(200)}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode())
        for _tick in range(int(seconds * 10)):
            writer.write(b"5\r\ntick\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.1)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return False

    async def _socket(self, writer: asyncio.StreamWriter, seconds: float, key: str) -> bool:
        proof = base64.b64encode(hashlib.sha1((key + WEBSOCKET).encode()).digest()).decode()  # noqa: S324 - RFC 6455
        head = f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {proof}\r\n\r\n"
        writer.write((self._head(101) + head).encode())
        for _tick in range(int(seconds * 10)):
            writer.write(b"\x81\x04tick")
            await writer.drain()
            await asyncio.sleep(0.1)
        writer.write(b"\x88\x02\x03\xe8")  # 1000: a normal end
        await writer.drain()
        return False

    def _head(self, status: int) -> str:
        return f"HTTP/1.1 {status} -\r\nX-Version: {self.version}\r\nContent-Type: text/plain\r\n"

    async def _answer(self, writer: asyncio.StreamWriter, status: int, body: str, keep: bool) -> bool:
        keep = keep and not self.ending
        end = f"Content-Length: {len(body)}\r\nConnection: {'keep-alive' if keep else 'close'}\r\n\r\n{body}"
        writer.write((self._head(status) + end).encode())
        await writer.drain()
        return keep


def _header(head: str, name: str) -> str:
    for line in head.split("\r\n")[1:]:
        key, _, value = line.partition(":")
        if key.lower() == name:
            return value.strip()
    return ""


async def _said_well(host: str, port: str) -> bool:
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"{socket.gethostname()}\n".encode())
    answer = await reader.read()
    writer.close()
    return answer == b"well"


async def run(app: App, port: int) -> None:
    """Until SIGTERM, and then until everything under way is answered."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    if app.bad == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif app.bad == "abrupt":
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    else:
        loop.add_signal_handler(signal.SIGTERM, stop.set)
    if app.bad.startswith("dies"):
        loop.call_later(float(app.bad.partition(":")[2] or 3), os._exit, 3)
    server = await asyncio.start_server(app.serve, "0.0.0.0", port, backlog=1024)
    print(f"version {app.version} listens on {port}", flush=True)
    await stop.wait()
    app.ending = True
    server.close()
    for writer in list(app.idle):
        writer.close()
    while app.busy:
        await asyncio.sleep(0.02)
    print(f"version {app.version} ends", flush=True)


if __name__ == "__main__":
    if said("BAD") == "crash":
        sys.exit("crash: asked to end at start")
    asyncio.run(run(App(said("VERSION", "0"), said("BAD")), int(said("PORT", "8000"))))
