"""Deliveries as a forge sends them, and books that remember what became of them."""

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from pipeline.errors import Unreachable
from pipeline.fleet.service import Environment, Repository, Service
from pipeline.intake.inbox import NewDelivery, Received
from pipeline.secret import Secret
from pipeline.settings import Settings
from runners.forges import Forges

COMMIT = "0123456789" * 4
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def service(
    name: str, secret: str, project: str = "acme/shop", branch: str = "main", forge: str = "github"
) -> Service:
    environment = Environment(name, "production", (), branches=(branch, "*"))
    repository = Repository("https://example.com/x.git", forge, project, Secret(secret))
    return Service(name, repository, environments={"production": environment})


@dataclass
class Books:
    """Inbox and queue in one."""

    deliveries: list[NewDelivery] = field(default_factory=list)
    woken: list[int] = field(default_factory=list)
    queue_down: bool = False
    changed: bool = False

    def receive(self, delivery: NewDelivery) -> Received:
        again = any(kept.key == delivery.key for kept in self.deliveries)
        self.deliveries.append(delivery)
        runs = tuple(range(10, 10 + len(delivery.runs)))
        fresh = () if again else runs[-1:]
        return Received(1, runs, delivery.ignored, again, again and self.changed, fresh=fresh)

    def wake_run(self, run_id: int, new: bool = False) -> None:
        if self.queue_down:
            raise Unreachable("Redis is away")
        self.woken.append(run_id)


def ports(books: Books, *services: Service) -> Any:
    settings = Settings(services={one.name: one for one in services})
    clock = SimpleNamespace(now=lambda: NOW)
    return SimpleNamespace(settings=settings, forges=Forges(), clock=clock, inbox=books, queue=books)


def body(project: str = "acme/shop", **changes: Any) -> bytes:
    push = {
        "ref": "refs/heads/main",
        "before": "0" * 40,
        "after": COMMIT,
        "repository": {"full_name": project},
        "head_commit": {"id": COMMIT, "message": "Add a shop"},
        "sender": {"login": "ada"},
    }
    return json.dumps(push | changes).encode()


def headers(content: bytes, key: str = "hush", event: str = "push") -> dict[str, str]:
    return {
        "x-github-event": event,
        "x-github-delivery": "d-1",
        "x-hub-signature-256": "sha256=" + hmac.new(key.encode(), content, hashlib.sha256).hexdigest(),
        "authorization": "Basic abc",
        "user-agent": "GitHub-Hookshot",
    }
