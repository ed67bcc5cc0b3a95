"""uvicorn's HTTP over one connection, with bounds: a head that is too long or takes too long ends it. Bodies are bounded by
the application. Knows nothing of paths.
"""

import asyncio
from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD = 64 * 1024  # request line and headers
HEAD_SECONDS = 20.0  # for a head to arrive in full, from the connection or its first byte


class PatientProtocol(HttpToolsProtocol):
    """Ends connections whose head is too long or takes too long; bodies are bounded by the application."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head = 0
        self._in_head = True
        self._patience: asyncio.TimerHandle | None = None
        self._wait(HEAD_SECONDS, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head:
            self._head += len(data)
            if self._head > LARGEST_HEAD and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")
            if self._patience is None:
                self._wait(HEAD_SECONDS, self.transport.close)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._wait_no_more()

    def on_headers_complete(self) -> None:
        self._head_is_here()
        super().on_headers_complete()

    def _head_is_here(self) -> None:
        self._in_head, self._head = False, 0
        self._wait_no_more()

    def _wait(self, seconds: float, then: Callable[[], object]) -> None:
        """For what is not here yet at the end of a read: most requests come in one, and set no timer."""
        self._patience = self.loop.call_later(seconds, then)

    def _wait_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
