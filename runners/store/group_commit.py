"""Many callers, one transaction: a single writer thread commits everything that came while it was busy.

Knows nothing of what is written. Threads that each take SQLite's write lock starve one another (p99 over a second);
one writer that drains a queue answers all of them after one fsync.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pipeline.errors import Rejected, Unreachable
from runners.store.forks import ForkGate

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

LONGEST = 45.0  # seconds; twice the database's own patience: a batch under way and ours


@dataclass
class _Batch(Generic[Item, Outcome]):
    items: list[Item] = field(default_factory=list)
    future: "Future[list[Outcome]] | None" = None


class GroupCommit(Generic[Item, Outcome]):
    """`commit` writes all items durably or none, and answers in their order."""

    def __init__(self, commit: Callable[[Sequence[Item]], list[Outcome]]) -> None:
        self._commit = commit
        self._start()
        self._gate = ForkGate(close=lambda: None, renew=self._start)

    def write(self, item: Item) -> Outcome:
        """Returns when the item is on disk. Safe to call from many threads."""
        batch, place = self._join(item)
        assert batch.future is not None  # noqa: S101 set before the batch is shown to anybody
        try:
            return batch.future.result(timeout=LONGEST)[place]
        except Rejected:
            if len(batch.items) == 1:
                raise
            return self._commit([item])[0]  # somebody else's item may be the bad one
        except FutureTimeout as error:
            raise Unreachable(
                f"The database did not take a write within {LONGEST:g} s. It may yet; send it again to be sure."
            ) from error

    def close(self) -> None:
        self._writer.shutdown(wait=True)

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._open: _Batch[Item, Outcome] | None = None
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="shipway-writer")

    def _join(self, item: Item) -> tuple[_Batch[Item, Outcome], int]:
        """Get on the batch that the writer has not taken yet."""
        with self._lock:
            batch = self._open or self._begin()
            batch.items.append(item)
            return batch, len(batch.items) - 1

    def _begin(self) -> _Batch[Item, Outcome]:
        batch: _Batch[Item, Outcome] = _Batch()
        try:
            batch.future = self._writer.submit(self._run, batch)
        except RuntimeError as error:  # the executor's word for: closed
            raise Unreachable("This process is ending and takes no more writes. Send it again.") from error
        self._open = batch
        return batch

    def _run(self, batch: _Batch[Item, Outcome]) -> list[Outcome]:
        with self._lock:
            self._open = None  # whoever comes now is for the next one
        return self._commit(batch.items)
