"""What `tidy` lets go of, and what it keeps."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from runners.store import Store, inbox, open_store, tables
from tests.contracts.samples import delivery

LATER = datetime.now(UTC) + timedelta(days=31)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/x.db", str(tmp_path / "keys"))
    opened.migrate()
    yield opened
    opened.close()


def _bodies(store: Store) -> int:
    body = tables.deliveries.c.body
    return int(store._database.read(lambda tx: tx.execute(select(func.count(body))).scalar_one()))


def test_bodies_of_a_month_ago_go_and_new_ones_stay(store: Store):
    store.inbox.receive(delivery("1"))

    store.tidy(datetime.now(UTC))
    assert _bodies(store) == 1
    store.tidy(LATER)
    assert _bodies(store) == 0


def test_only_the_newest_bodies_are_kept(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(inbox, "KEEP_BODIES", 3)  # ten thousand would only be slow
    monkeypatch.setattr(inbox, "TIDY_STEP", 2)
    for number in range(8):
        store.inbox.receive(delivery(str(number)))

    store.tidy(datetime.now(UTC))

    assert _bodies(store) == 3
    assert len(store.inbox.deliveries()) == 8


def test_leases_of_runs_long_over_go_and_those_of_sites_stay(store: Store):
    fences = {}
    for key in ("run:1", "deployment:1", "site:front@web-1"):
        lease = store.leases.take(key, "a", 1)
        assert lease is not None
        store.leases.give_back(lease)
        fences[key] = lease.fence

    store.tidy(LATER)

    kept = store._database.read(lambda tx: list(tx.execute(select(tables.leases.c.key)).scalars()))
    assert kept == ["site:front@web-1"]
