"""The ASGI side: bodies are read here, bounded in size and time, before a thread of Flask's is spent on them; streams
are answered by Flask (its checks, its headers) and then go on here, so that a follower costs no thread at all.

Decides nothing about what a path means.
"""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from email.utils import formatdate
from threading import get_ident
from typing import Any, TypeAlias, cast

from a2wsgi import WSGIMiddleware
from flask import Flask

from pipeline.errors import ShipwayError, TooLarge
from pipeline.ports import Ports
from pipeline.web.app import HEADERS, LARGEST_BODY
from pipeline.web.followers import Followers
from pipeline.web.hook_line import HookLine
from pipeline.web.hooks import LARGEST_HOOK, Answered
from pipeline.web.pages.pulse import Pulse
from pipeline.web.problems import BadRequest, Busy, TooSlow, document, headers_of, problem_of
from pipeline.web.stream import Handover

Scope: TypeAlias = MutableMapping[str, Any]  # ASGI's own shape: what a key holds depends on the key
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

WORKERS = 16  # threads for Flask
BODY_SECONDS = 30.0  # for a body to arrive in full
LINGER = 2.0  # seconds to go on reading after a refusal, so that the sender gets to read it
BUDGET = 256 * 1024 * 1024  # of bodies held at once


class Gone(Exception):
    """The client hung up before its request was complete."""


class Application:
    """What a server such as uvicorn runs. `close` ends open streams so that their followers come again elsewhere."""

    def __init__(self, app: Flask, ports: Ports, followers: Followers) -> None:
        self._app = app
        self._working: set[int] = set()
        self._pulse: Pulse | None = app.extensions.get("shipway.pulse")  # none where no pages are
        self._hooks = HookLine(ports, app.extensions["shipway.figures"])
        self._threads = WSGIMiddleware(cast("Any", self._counted), workers=WORKERS)
        self._wsgi = cast("Callable[[Scope, Receive, Send], Awaitable[None]]", self._threads)
        self._followers = followers
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, _dated(send))
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    def close(self) -> None:
        self._followers.close()

    @property
    def busy(self) -> int:
        """Threads that still work, also for requests that nobody waits for any more."""
        return len(self._working) + self._hooks.busy

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        held = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                await self._read(scope, receive, held)
        except TimeoutError:
            slow = TooSlow(f"The body did not arrive within {BODY_SECONDS:g} s. Send it again.")
            return await _refuse(slow, scope, receive, send)
        except ShipwayError as error:
            return await _refuse(error, scope, receive, send)
        except Gone:
            return None
        finally:
            self._held -= len(held)
        if self._hooks.takes(scope):
            given = await self._hooks.answer(scope, _headers(scope, len(held)), bytes(held))
            return await _send(given, send)
        return await self._answer(scope, bytes(held), receive, send)

    async def _read(self, scope: Scope, receive: Receive, held: bytearray) -> None:
        limit = LARGEST_HOOK if scope["path"].startswith("/hooks/") else LARGEST_BODY
        if _announced(scope) > limit:
            raise TooLarge(f"The body is larger than the {limit} bytes that {scope['path']} accepts.")
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            part = message.get("body", b"")
            more = message.get("more_body", False)
            if len(held) + len(part) > limit:
                raise TooLarge(f"The body is larger than the {limit} bytes that {scope['path']} accepts.")
            if self._held + len(part) > BUDGET:
                raise Busy("Too many large bodies are arriving at once. Send it again in a moment.")
            held += part
            self._held += len(part)

    async def _answer(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        handover = Handover(room=self._followers.room)
        inner = {**scope, "headers": _headers(scope, len(body)), "shipway.handover": handover}

        async def relay(message: Message) -> None:
            if message["type"] == "http.response.start" or handover.feed is None:
                await send(message)

        await self._wsgi(inner, _replay(body), relay)
        if handover.feed is not None:
            await self._followers.serve(handover.feed, handover, receive, send)

    def _counted(self, environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        self._working.add(get_ident())
        parts: Any = ()
        try:
            parts = self._app(environ, start_response)
            yield from parts
        finally:
            getattr(parts, "close", lambda: None)()  # an empty answer, as to HEAD, has none
            self._working.discard(get_ident())

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                self.close()
                self._threads.executor.shutdown(wait=False, cancel_futures=True)
                self._hooks.close()
                if self._pulse is not None:
                    self._pulse.close()
                self._followers.free()
                return


def create_asgi(app: Flask, ports: Ports) -> Application:
    followers = Followers(app.extensions["shipway.figures"].streams)
    return Application(app, ports, followers)


def _dated(send: Send) -> Send:
    """Each answer says its own moment, so that no server has to wake every second for it."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            date = (b"date", formatdate(usegmt=True).encode())
            message = {**message, "headers": [*message.get("headers", ()), date]}
        await send(message)

    return sent


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            if not re.fullmatch(rb"\d{1,18}", value):
                raise BadRequest("The header Content-Length is not a number.")
            return int(value)
    return 0


def _headers(scope: Scope, length: int) -> list[tuple[bytes, bytes]]:
    """With the length of the body that is now here in full, and without names that WSGI cannot tell apart."""
    dropped = (b"content-length", b"transfer-encoding")
    kept = [(n, v) for n, v in scope["headers"] if n not in dropped and b"_" not in n]
    return [*kept, (b"content-length", str(length).encode())]


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _send(given: Answered, send: Send) -> None:
    headers = _encoded(list(given.headers.items()))
    await send({"type": "http.response.start", "status": given.status, "headers": headers})
    await send({"type": "http.response.body", "body": given.content})


async def _refuse(error: ShipwayError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer, then read on a little: a connection that is closed with unread bytes loses the answer on its way."""
    request_id = secrets.token_hex(8)
    problem = problem_of(error, scope["path"], request_id)
    body = document(problem)
    said = {**HEADERS, **headers_of(problem), "X-Request-Id": request_id, "Connection": "close"}
    said["Content-Length"] = str(len(body))
    await send(
        {"type": "http.response.start", "status": problem.status, "headers": _encoded(list(said.items()))}
    )
    await send({"type": "http.response.body", "body": body, "more_body": True})
    try:
        async with asyncio.timeout(LINGER):
            while (message := await receive())["type"] != "http.disconnect" and message.get("more_body"):
                continue
    except TimeoutError:
        return
    await send({"type": "http.response.body", "body": b""})


def _encoded(headers: Sequence[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin1"), value.encode("latin1")) for name, value in headers]
