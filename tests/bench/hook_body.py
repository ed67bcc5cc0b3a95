"""A GitLab push of a real size: 20 commits with their messages and files, 22 KB. Each number has a delivery of its own."""

import json
from typing import Any

PROJECT = "acme/shop"
SECRET = "bench-hook-secret"
COMMITS = 20
SIZE = 22 * 1024
_HEAD = "f" * 39 + "e"  # stands for the commit that each delivery has of its own


def request(number: int, path: str, headers: dict[str, str] | None = None) -> bytes:
    """The bytes of the whole POST."""
    body = _BODY.replace(_HEAD.encode(), commit(number).encode())
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "User-Agent: GitLab/17.4.0",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "X-Gitlab-Event: Push Hook",
        f"X-Gitlab-Token: {SECRET}",
        f"Idempotency-Key: bench-{number}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def commit(number: int) -> str:
    return f"{number:040x}"


def _commit(at: int) -> dict[str, Any]:
    name = _HEAD if at == COMMITS - 1 else f"{at + 1:02x}" * 20
    files = [f"src/checkout/{at:02}/module_{number:02}/handler_of_orders.py" for number in range(9)]
    text = "Sell more of what people like, and say why in the basket. " * 3
    return {
        "id": name,
        "message": f"Change {at}\n\n{text}",
        "title": f"Change {at}",
        "timestamp": "2026-03-01T12:00:00+00:00",
        "url": f"https://gitlab.example.com/{PROJECT}/-/commit/{name}",
        "author": {"name": "Ada Lovelace", "email": "ada@example.com"},
        "added": files[:3],
        "modified": files[3:],
        "removed": [],
    }


def _body() -> bytes:
    address = f"https://gitlab.example.com/{PROJECT}"
    project = {
        "id": 15,
        "name": "shop",
        "web_url": address,
        "git_http_url": f"{address}.git",
        "path_with_namespace": PROJECT,
        "default_branch": "main",
    }
    push = {
        "object_kind": "push",
        "event_name": "push",
        "before": "9" * 40,
        "after": _HEAD,
        "ref": "refs/heads/main",
        "checkout_sha": _HEAD,
        "user_name": "Ada Lovelace",
        "user_username": "ada",
        "user_email": "ada@example.com",
        "project_id": 15,
        "project": project,
        "repository": {"name": "shop", "url": f"{address}.git", "homepage": address},
        "commits": [_commit(at) for at in range(COMMITS)],
        "total_commits_count": COMMITS,
    }
    plain = json.dumps(push)
    return json.dumps(push | {"user_bio": "x" * max(0, SIZE - len(plain) - 16)}).encode()


_BODY = _body()
