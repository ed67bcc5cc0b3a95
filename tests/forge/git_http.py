"""Git's own http-backend behind a few lines of Python: real clones and real pushes, and which refs a push moved."""

import os
import subprocess
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

ZEROS = "0" * 40


def is_git(path: str) -> bool:
    return ".git/" in urlsplit(path).path


def repository_of(path: str) -> str:
    """`/acme/shop.git/info/refs` -> `acme/shop`."""
    return urlsplit(path).path.partition(".git/")[0].strip("/")


def ask(handler: BaseHTTPRequestHandler, root: Path, user: str, body: bytes) -> bytes:
    """What git's backend says to one request of the smart protocol. `user` may push."""
    parts = urlsplit(handler.path)
    environ = {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "REQUEST_METHOD": handler.command,
        "REMOTE_USER": user,
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "CONTENT_TYPE": handler.headers.get("Content-Type", ""),
        "HTTP_CONTENT_ENCODING": handler.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": handler.headers.get("Git-Protocol", ""),
    }
    done = subprocess.run(["git", "http-backend"], env=environ, input=body, capture_output=True, check=False)
    return done.stdout


def answer(handler: BaseHTTPRequestHandler, said: bytes) -> None:
    head, _, content = said.partition(b"\r\n\r\n")
    headers = [line.decode().split(": ", 1) for line in head.split(b"\r\n")]
    status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
    handler.send_response(status)
    for name, value in [*headers, ["Content-Length", str(len(content))]]:
        if name != "Status":
            handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(content)


def refs(repository: Path) -> dict[str, str]:
    """Full names of branches and tags, and what they point at: of an annotated tag, the tag object."""
    lines = git(repository, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(line.split() for line in lines)


def commit_of(repository: Path, name: str) -> str:
    """Empty when there is no such commit."""
    done = subprocess.run(
        ["git", "--git-dir", str(repository), "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def git(repository: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "--git-dir", str(repository), *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
