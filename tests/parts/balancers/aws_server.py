"""moto's server on loopback, with faults on request."""

import io
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from tests.parts.balancers.faults import Fault, Faults

Answer = Callable[..., Any]


@cache
def _moto() -> DomainDispatcherApplication:
    """One for all servers: what it remembers is the process's in any case, and its hundreds of routes are slow to make."""
    return DomainDispatcherApplication(create_backend_app)


class FaultyApp:
    """WSGI around moto's, or what stands in front of it. `calls`: actions in order."""

    def __init__(self, faults: Faults, front: Callable[[Any], Any] = lambda moto: moto) -> None:
        self.faults = faults
        self.calls: list[str] = []
        self.front = front(_moto())

    def __call__(self, environ: dict[str, Any], start_response: Answer) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        action = parse_qs(body.decode(errors="replace")).get("Action", [""])[0]
        self.calls.append(action)
        fault = self.faults.take(action)
        if fault and not fault.lost:
            return _refuse(fault, start_response)
        answer: Iterable[bytes] = self.front(environ, start_response)
        if fault:
            list(answer)
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionResetError("this answer was to be lost")
        return answer


def _refuse(fault: Fault, start_response: Answer) -> Iterable[bytes]:
    start_response(f"{fault.status} Refused", [("Content-Type", "text/xml")])
    who = "Sender" if fault.status < 500 else "Receiver"
    text = f"<Type>{who}</Type><Code>{fault.code}</Code><Message>This was asked for.</Message>"
    return [f"<ErrorResponse><Error>{text}</Error><RequestId>r-1</RequestId></ErrorResponse>".encode()]


@contextmanager
def aws_server(
    faults: Faults, front: Callable[[Any], Any] = lambda moto: moto
) -> Iterator[tuple[str, FaultyApp]]:
    """Its address and the application. `front`: what makes moto honest."""
    app = FaultyApp(faults, front)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=MotoRequestHandler)  # type: ignore[arg-type]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", app
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
