"""The HTTP side of the fake Aliyun: signatures checked, faults on request, a request id on every answer."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

from tests.parts.balancers.aliyun_signature import ApiError, Gate
from tests.parts.balancers.faults import Faults
from tests.parts.http_stand_in import StandIn, served

KEYS = {"AKID": "AKSECRET"}


class Product(Protocol):
    """One product of the cloud: `calls` are (action, answer) in order."""

    version: str
    calls: list[tuple[str, str]]

    def act(self, action: str, values: dict[str, str]) -> dict[str, object]: ...


class AliyunServer(StandIn):
    def __init__(self, cloud: Product, faults: Faults) -> None:
        super().__init__(_Handler)
        self.cloud = cloud
        self.faults = faults
        self.gate = Gate(KEYS)


class _Handler(BaseHTTPRequestHandler):
    server: AliyunServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: else each answer waits 40 ms for the other side's ACK

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def log_message(self, *_: object) -> None: ...

    def _serve(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        form = body.decode() if "form" in (self.headers.get("Content-Type") or "") else ""
        pairs = parse_qsl(urlsplit(self.path).query, keep_blank_values=True)
        values = dict(pairs + parse_qsl(form, keep_blank_values=True))
        action = values.get("Action", "")
        fault = self.server.faults.take(action)
        try:
            self.server.gate.check(method, values)
            if fault and not fault.lost:
                raise ApiError(fault.status, fault.code, "This was asked for.")
            status, answer = 200, self._act(action, values)
        except ApiError as error:
            status, answer = error.status, {"Code": error.code, "Message": error.message, "Recommend": ""}
        self.server.cloud.calls.append((action, str(answer.get("Code", "OK"))))
        if fault and fault.lost:
            self.close_connection = True
            return
        self._answer(status, {"RequestId": str(uuid.uuid4()).upper(), **answer})

    def _act(self, action: str, values: dict[str, str]) -> dict[str, object]:
        if values.get("Version") != self.server.cloud.version:
            raise ApiError(404, "InvalidVersion", "Specified parameter Version is not valid.")
        try:
            return self.server.cloud.act(action, values)
        except KeyError as error:
            raise ApiError(400, "MissingParameter", f"The input parameter {error} is mandatory.") from error

    def _answer(self, status: int, answer: dict[str, object]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json;charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def aliyun_server(cloud: Product, faults: Faults) -> Iterator[AliyunServer]:
    with served(AliyunServer(cloud, faults)) as server:
        yield server
