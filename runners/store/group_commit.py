"""Many callers, one transaction: a single writer thread commits everything that came while it was busy.

Knows nothing of what is written. Threads that each take SQLite's write lock starve one another (p99 over a second);
one writer that drains a queue answers all of them after one fsync. A caller waits no longer than it was told to; the
writer has the database's own patience, so what nobody waits for any more may be written all the same.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pipeline.errors import Rejected, RunnerError, Unreachable
from pipeline.intake.inbox import not_written
from runners.store.forks import ForkGate

SLOW = 0.02  # seconds; a disk that takes longer is waited for by the writer's thread alone …
REST = 1.0  # … for so long

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


@dataclass
class _Batch(Generic[Item, Outcome]):
    items: list[Item] = field(default_factory=list)
    told: list[tuple[int, "Callable[[Outcome | BaseException], None]"]] = field(default_factory=list)
    future: "Future[list[Outcome | Rejected]] | None" = None


class GroupCommit(Generic[Item, Outcome]):
    """`commit` writes all items durably or none, and answers in their order."""

    def __init__(
        self,
        commit: Callable[[Sequence[Item]], list[Outcome]],
        answer_within: float,
        commit_at_once: Callable[[Sequence[Item]], list[Outcome]] | None = None,
    ) -> None:
        """`answer_within`: seconds that a caller waits. `commit_at_once` raises where `commit` would wait for others."""
        self._commit = commit
        self._commit_at_once = commit_at_once
        self._slow_until = 0.0
        self._answer_within = answer_within
        self._start()
        self._gate = ForkGate(close=lambda: None, renew=self._start)

    def write(self, item: Item) -> Outcome:
        """Returns when the item is on disk. Safe to call from many threads."""
        until = time.monotonic() + self._answer_within
        batch, place = self._join(item)
        assert batch.future is not None  # noqa: S101 set before the batch is shown to anybody
        outcome = self._awaited(batch.future, until)[place]
        if isinstance(outcome, Rejected):
            raise outcome
        return outcome

    def later(self, item: Item, then: Callable[[Outcome | BaseException], None]) -> None:
        """`then` gets the outcome, or what went wrong, from the writer's thread; it must be quick and never raise."""
        with self._lock:
            batch = self._open or self._begin()
            batch.told.append((len(batch.items), then))
            batch.items.append(item)

    def at_once(self, items: Sequence[Item]) -> list[Outcome] | None:
        """On the caller's own thread, which saves two changes of threads and costs it the disk's time. None: it would
        wait, or overtake who waits, or the disk was slow a moment ago; then they are for `later`."""
        begun = time.monotonic()
        if self._commit_at_once is None or self._waiting or begun < self._slow_until:
            return None
        try:
            return self._commit_at_once(items)
        except RunnerError:
            return None  # `later` has the patience, and finds which one is bad
        finally:
            if time.monotonic() - begun > SLOW:
                self._slow_until = time.monotonic() + REST

    def close(self) -> None:
        self._waiting += 1  # nothing is done at once any more
        self._writer.shutdown(wait=True)

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._open: _Batch[Item, Outcome] | None = None
        self._waiting = 0  # batches that the writer is to write
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="shipway-writer")

    def _join(self, item: Item) -> tuple[_Batch[Item, Outcome], int]:
        """Get on the batch that the writer has not taken yet."""
        with self._lock:
            batch = self._open or self._begin()
            batch.items.append(item)
            return batch, len(batch.items) - 1

    def _begin(self) -> _Batch[Item, Outcome]:
        batch: _Batch[Item, Outcome] = _Batch()
        batch.future = self._submit(lambda: self._run(batch))
        batch.future.add_done_callback(lambda done: _tell(batch, done))
        self._open = batch
        self._waiting += 1
        return batch

    def _submit(self, work: Callable[[], list[Outcome | Rejected]]) -> "Future[list[Outcome | Rejected]]":
        try:
            return self._writer.submit(work)
        except RuntimeError as error:  # the executor's word for: closed
            raise Unreachable("This process is ending and takes no more writes. Send it again.") from error

    def _awaited(self, future: "Future[list[Outcome | Rejected]]", until: float) -> list[Outcome | Rejected]:
        try:
            return future.result(timeout=until - time.monotonic())
        except FutureTimeout as error:
            if future.done():
                raise  # the work's own
            raise not_written(self._answer_within) from error

    def _run(self, batch: _Batch[Item, Outcome]) -> list[Outcome | Rejected]:
        with self._lock:
            self._open = None  # whoever comes now is for the next one
        try:
            return list(self._commit(batch.items))
        except Rejected as error:
            return [error] if len(batch.items) == 1 else [self._alone(item) for item in batch.items]
        finally:
            with self._lock:
                self._waiting -= 1

    def _alone(self, item: Item) -> Outcome | Rejected:
        """Somebody else's item may be the bad one."""
        try:
            return self._commit([item])[0]
        except Rejected as error:
            return error


def _tell(batch: _Batch[Item, Outcome], done: "Future[list[Outcome | Rejected]]") -> None:
    wrong = done.exception()
    for place, then in batch.told:
        then(wrong or done.result()[place])
