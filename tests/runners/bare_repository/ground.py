"""A small server that is told of pushes, and a git that pushes."""

import json
import os
import subprocess
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from pipeline.fleet.service import Repository
from pipeline.intake.push import Push
from pipeline.secret import Secret
from runners.forges.git import Git

GONE = (404, {"title": "Not found", "detail": "No service here is built from project 'shop'.\u001b[2J"})
DOWN = (503, {"title": "Service unavailable"})
QUEUED = (202, {"delivery": 1, "runs": [12]})


class Server(HTTPServer):
    """Gives its answers one after the other, the last one for ever, and remembers what it was told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.answers: list[tuple[int, object]] = [QUEUED]
        self.targets = "shop/test"
        self.told: list[tuple[str, dict[str, str], bytes]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Answering(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.told.append((self.path, headers, body))
        status, answer = (
            self.server.answers[0] if len(self.server.answers) == 1 else self.server.answers.pop(0)
        )
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("location", "/elsewhere")
        self.send_header("x-shipway-targets", self.server.targets)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Not to the test's output."""


def hurry(folder: Path) -> None:
    """Try again without waiting."""
    file = folder / "shop.git" / "hooks" / "shipway-hook.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"delays": [0, 0]}))


def git(folder: Path, *words: str, **environ: str) -> str:
    settings = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "SHIPWAY_PUSHER": "ada",
        **{
            f"GIT_{who}_{what}": "ada@example.com"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    done = subprocess.run(
        ["git", *words],
        cwd=folder,
        env=settings | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def said(output: str) -> list[str]:
    lines = [
        line.removeprefix("remote: ").strip() for line in output.splitlines() if line.startswith("remote: ")
    ]
    return [line for line in lines if line.startswith("Shipway: ")]


def pushes(server: Server, folder: Path) -> tuple[Push, ...]:
    """The last delivery, proved and read by the forge itself."""
    _, headers, body = server.told[-1]
    secret = Secret((folder / "keys" / "shop.secret").read_text().strip())
    return Git().read(headers, body, Repository("x", "git", "shop", secret), datetime.now(UTC)).pushes
