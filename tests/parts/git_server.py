"""A git server over HTTP that asks for a password: git's own http-backend behind a few lines of Python, on loopback."""

import base64
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit


class GitServer(ThreadingHTTPServer):
    """Serves every bare repository under `root`. `asked` holds the Authorization headers that came. While it `stalls`,
    the first half of a pack is all that anybody gets; `stalled` says that somebody waits for the rest."""

    def __init__(self, root: Path, username: str, password: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.root = root
        self.wanted = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
        self.asked: list[str] = []
        self.status = 0  # answer this to everything when set
        self.stalls = False
        self.stalled = threading.Event()
        self.ended = threading.Event()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: GitServer

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def log_message(self, *_: object) -> None: ...

    def _serve(self, body: bytes) -> None:
        given = self.headers.get("Authorization", "")
        if given:
            self.server.asked.append(given)
        if self.server.status:
            self._answer(self.server.status, [], b"")
        elif given != self.server.wanted:
            self._answer(401, [("WWW-Authenticate", 'Basic realm="git"')], b"")
        else:
            self._backend(body)

    def _backend(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        environ = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"], env=environ, input=body, capture_output=True, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = [tuple(line.decode().split(": ", 1)) for line in head.split(b"\r\n")]
        status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
        self._answer(status, [(name, value) for name, value in headers if name != "Status"], content)

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in [*headers, ("Content-Length", str(len(content)))]:
            self.send_header(name, value)
        self.end_headers()
        if self.server.stalls and b"PACK" in content:
            self.wfile.write(content[: len(content) // 2])
            self.server.stalled.set()
            self.server.ended.wait()
        else:
            self.wfile.write(content)


@contextmanager
def git_server(root: Path, username: str = "oauth2", password: str = "s3cr3t-t0ken") -> Iterator[GitServer]:  # noqa: S107 (of a test)
    server = GitServer(root, username, password)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
