"""The commit statuses of GitHub and of Gitea, as fakes on loopback: paths, fields, states, tokens; nothing else is there."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.parts.http_stand_in import served

TOKEN = "ghp-hush-hush"
FIELDS = {"state", "target_url", "description", "context"}


@dataclass(frozen=True)
class Kind:
    path: re.Pattern[str]
    scheme: str
    states: frozenset[str]
    longest: int


GITHUB = Kind(
    re.compile(r"/api/v3/repos/(acme/shop)/statuses/([0-9a-f]{40})"),
    "Bearer",
    frozenset({"error", "failure", "pending", "success"}),
    140,
)
GITEA = Kind(
    re.compile(r"/api/v1/repos/(acme/shop)/statuses/([0-9a-f]{40})"),
    "token",
    frozenset({"pending", "success", "error", "failure", "warning"}),
    255,
)


class StatusServer(ThreadingHTTPServer):
    """`shown`: context -> state, of any commit. `status` answers that to everything, with `headers`."""

    daemon_threads = True

    def __init__(self, kind: Kind) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.kind = kind
        self.status = 0
        self.headers: dict[str, str] = {}
        self.shown: dict[str, str] = {}
        self.text = ""  # of the last one
        self.asked = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: StatusServer

    def log_message(self, *_: object) -> None: ...

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked += 1
        status, answer = self._decide(body)
        content = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **self.server.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _decide(self, body: dict[str, Any]) -> tuple[int, Any]:
        server, kind = self.server, self.server.kind
        if server.status:
            return server.status, {"message": "by the test"}
        if self.headers["Authorization"] != f"{kind.scheme} {TOKEN}":
            return 401, {"message": "Bad credentials"}
        if not kind.path.fullmatch(self.path):
            return 404, {"message": "Not Found"}
        wrong = body.keys() ^ FIELDS
        if wrong or body["state"] not in kind.states or len(body["description"]) > kind.longest:
            return 422, {"message": f"Validation Failed: {sorted(wrong)}"}
        server.shown[body["context"]] = body["state"]
        server.text = body["description"]
        return 201, body | {"id": server.asked}


@contextmanager
def status_server(kind: Kind) -> Iterator[StatusServer]:
    with served(StatusServer(kind)) as server:
        yield server
