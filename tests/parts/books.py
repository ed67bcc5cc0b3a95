"""The books of a store, as `Ports` wants them."""

from typing import Any

from runners.store import Store

NAMES = (
    "inbox", "leases", "runs", "releases", "deployments", "routes", "fleet", "tokens", "audit", "freezes", "schedules",
    "users", "sessions",
)  # fmt: skip


def books_of(store: Store) -> dict[str, Any]:
    return {name: getattr(store, name) for name in NAMES}
