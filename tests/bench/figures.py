"""What a service's figures cost: both reads and the rules over them, for 100, 1,000 and 10,000 runs that all were deployed within
90 days, CPU time, the best of ten. No lab; the books are SQLite. The first row is the baseline of the ratios."""

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, text

from pipeline.delivery.run import COMMITTED, Stage, StageName, StageStatus
from pipeline.figures.dora import figures, stage_figures
from runners.store import Store, open_store
from tests.contracts.samples import AT, deployment, lease_run, new_run, release, settle

SIZES = (100, 1_000, 10_000)
DAYS = 90
COPY = (
    "INSERT INTO {table} ({columns}) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count) "
    "SELECT {values} FROM {table}, n WHERE {table}.id = 1"
)


@dataclass(frozen=True)
class Cost:
    runs: int
    facts: float  # seconds of CPU
    stages: float
    rules: float


def main() -> int:
    print(_told([_cost(size) for size in SIZES]))
    return 0


def _cost(size: int) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder, 'books.sqlite')}", str(Path(folder, "keys")))
        store.migrate()
        _filled(store, size)
        until = datetime.now(UTC)
        since = until - timedelta(days=DAYS)
        facts, times = store.figures.facts("shop", since), store.figures.stage_times("shop", since)
        assert len(facts) == size
        cost = Cost(
            size,
            _best(lambda: store.figures.facts("shop", since)),
            _best(lambda: store.figures.stage_times("shop", since)),
            _best(lambda: (figures(facts, since, until), stage_figures(times, since, until))),
        )
        store.close()
        return cost


def _filled(store: Store, size: int) -> None:
    """One of each through the flows' own doors, then copies of its rows, spread over the window."""
    run = store.runs.add(new_run())
    lease = lease_run(store, run.id)
    store.runs.begin(run.id, lease)
    for name in list(StageName)[:-1]:
        detail = {COMMITTED: AT.isoformat(), "image": "r:5000/acme/shop@sha256:" + "1" * 64}
        store.runs.save_stage(run.id, Stage(name, StageStatus.SUCCEEDED, AT, AT, detail=detail), lease)
    number = store.runs.hand_over(run.id, release(), deployment(release()), lease)
    settle(store, number)
    for table in ("runs", "deployments"):
        store._database.write(partial(_copy, table=table, count=size - 1))


def _copy(tx: Connection, table: str, count: int) -> None:
    named = [row[1] for row in tx.execute(text(f"PRAGMA table_info({table})"))]
    now = "strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now'{})"
    spread = now.format(f", '-' || (i % {DAYS - 1}) || ' days'")
    made = {"id": f"{table}.id + i", "run": "1 + i", "deployment": "1 + i"}
    made |= {name: spread for name in ("created_at", "good_at", "finished_at")}
    values = ", ".join(made.get(name, f"{table}.{name}") for name in named)
    tx.execute(text(COPY.format(table=table, columns=", ".join(named), values=values)), {"count": count})
    first = f"UPDATE {table} SET created_at = {now.format('')} WHERE id = 1"  # noqa: S608 (no value of anybody)
    tx.execute(text(first))


def _best(work: Callable[[], object]) -> float:
    spent = []
    for _ in range(10):
        begin = time.process_time()
        work()
        spent.append(time.process_time() - begin)
    return min(spent)


def _told(costs: list[Cost]) -> str:
    first = costs[0]
    lines = [
        f"\nFigures of one service over {DAYS} days, CPU time; load average {os.getloadavg()[0]:.1f}",
        f"{'runs':>7}{'facts ms':>10}{'stages ms':>11}{'rules ms':>10}{'all ms':>9}{'ratio a run':>13}",
    ]
    for cost in costs:
        whole = cost.facts + cost.stages + cost.rules
        base = (first.facts + first.stages + first.rules) / first.runs
        lines.append(
            f"{cost.runs:7}{cost.facts * 1000:10.1f}{cost.stages * 1000:11.1f}{cost.rules * 1000:10.1f}"
            f"{whole * 1000:9.1f}{whole / cost.runs / base:13.2f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
