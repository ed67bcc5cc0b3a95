"""Webhooks of an ordinary size, from the parser straight to the line of webhooks: no task, no scope, one write for the answer.

All other requests, and webhooks that are large, chunked, late or behind an unanswered one, go the way of ASGI.
"""

import re
import time
from email.utils import formatdate
from functools import lru_cache
from typing import cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from pipeline.web import asgi
from pipeline.web.hook_line import HookLine, Letter, joined
from pipeline.web.hooks import Answered
from pipeline.web.patient_protocol import PatientProtocol

TARGET = re.compile(rb"/hooks/[a-z0-9-]+")
LENGTH = re.compile(rb"[0-9]{1,5}")
LARGEST = 64 * 1024  # bytes; uvicorn holds as many of any body before it makes its sender wait


class Awaited:
    """A webhook on the short road, as far as uvicorn looks at its requests: whether it is over, and what comes after."""

    class _Nobody:
        def set(self) -> None:
            """Nobody waits for more of it."""

    message_event = _Nobody()

    def __init__(self, keep_alive: bool) -> None:
        self.keep_alive = keep_alive
        self.response_complete = False
        self.disconnected = False
        self.parts: list[bytes] = []


class HookProtocol(PatientProtocol):
    """One connection to our server."""

    _awaited: Awaited | None = None

    def on_headers_complete(self) -> None:
        self._awaited = None
        if not self._is_short():
            return super().on_headers_complete()
        self._head_is_here()
        self._awaited = Awaited(self.parser.should_keep_alive())
        self.cycle = cast("RequestResponseCycle", self._awaited)
        return None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._awaited is not None and self._patience is None and not self.transport.is_closing():
            self._wait(asgi.BODY_SECONDS, self._late)

    def on_body(self, body: bytes) -> None:
        if self._awaited is None:
            return super().on_body(body)
        self._awaited.parts.append(body)
        return None

    def on_message_complete(self) -> None:
        if self._awaited is None:
            return super().on_message_complete()
        awaited, self._awaited = self._awaited, None
        self._wait_no_more()
        body = awaited.parts[0] if len(awaited.parts) == 1 else b"".join(awaited.parts)
        letter = Letter(self.url.decode("ascii"), joined(self.headers), body)
        self._line.take(letter, lambda given: self._reply(awaited, given))
        return None

    @property
    def _line(self) -> HookLine:
        return cast("asgi.Application", self.config.app).hooks

    def _is_short(self) -> bool:
        if self.cycle is not None and not self.cycle.response_complete:
            return False
        lengths = [value for name, value in self.headers if name == b"content-length"]
        return (
            TARGET.fullmatch(self.url) is not None
            and self.parser.get_method() == b"POST"
            and self.parser.get_http_version() == "1.1"
            and len(lengths) == 1
            and LENGTH.fullmatch(lengths[0]) is not None
            and int(lengths[0]) <= LARGEST
            and not self.expect_100_continue
            and not self.parser.should_upgrade()
            and not any(name == b"transfer-encoding" for name, _ in self.headers)
        )

    def _late(self) -> None:
        """Refused where all slow bodies are."""
        self._awaited = None
        self.cycle = cast("RequestResponseCycle", None)
        cast("dict[str, object]", self.scope)[asgi.LATE] = True
        super().on_headers_complete()

    def _reply(self, awaited: Awaited, given: Answered) -> None:
        awaited.response_complete = True
        if awaited.disconnected or self.transport.is_closing():
            return
        lines = [f"{name}: {value}\r\n" for name, value in given.headers.items()]
        if not awaited.keep_alive:
            lines.append("Connection: close\r\n")
        head = "".join([*lines, _date(int(time.time()))]).encode("latin1")
        self.transport.write(STATUS_LINE[given.status] + head + given.content)
        if not awaited.keep_alive:
            self.transport.close()
        self.on_response_complete()


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return f"Date: {formatdate(second, usegmt=True)}\r\n\r\n"
