"""Keeps database connections out of forked children: a fork waits until no transaction is under way and finds every
connection closed. Knows nothing of databases.

Why: SQLite's locks belong to a process, and its bookkeeping of them is copied by a fork, so that a child which inherits
one open connection believes in locks that it does not hold (sqlite.org/howtocorrupt.html §2.6). A PostgreSQL connection
that two processes share mixes up their answers.
"""

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

QUIET_WITHIN = (
    3.0  # seconds; transactions are far shorter. Then we fork all the same: the child forgets what it got
)


class ForkGate:
    """Counts what is under way. `close` runs before a fork, `renew` in the child."""

    def __init__(self, close: Callable[[], None], renew: Callable[[], None]) -> None:
        self._close = close
        self._renew = renew
        self._quiet = threading.Condition()
        self._under_way = 0
        self._forking = False
        me = weakref.ref(self)
        os.register_at_fork(
            before=lambda: _call(me, ForkGate._before),
            after_in_parent=lambda: _call(me, ForkGate._in_parent),
            after_in_child=lambda: _call(me, ForkGate._in_child),
        )

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Around everything that uses a connection. Waits while a fork is being made."""
        quiet = self._quiet
        with quiet:
            quiet.wait_for(lambda: not self._forking)
            self._under_way += 1
        try:
            yield
        finally:
            with quiet:
                self._under_way -= 1
                quiet.notify_all()

    def _before(self) -> None:
        self._quiet.acquire()  # held over the fork
        self._forking = True  # … and let go while we wait, so newcomers are told
        self._quiet.wait_for(lambda: self._under_way == 0, timeout=QUIET_WITHIN)
        self._close()

    def _in_parent(self) -> None:
        self._forking = False
        self._quiet.notify_all()
        self._quiet.release()

    def _in_child(self) -> None:
        self._quiet = threading.Condition()  # the old one may be held by a thread that does not exist here
        self._under_way = 0
        self._forking = False
        self._renew()


def _call(gate: "weakref.ref[ForkGate]", step: Callable[[ForkGate], None]) -> None:
    found = gate()
    if found is not None:
        step(found)
