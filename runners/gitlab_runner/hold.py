"""The lease under which GitLab runners are changed: taken, kept, and given back. One at a time for an installation."""

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.books import Leases
from pipeline.errors import Conflict, Stopped
from pipeline.lease import Lease
from runners.keeper import Keeper

KEY = "gitlab-runners"
TTL = 10.0  # seconds; who is killed holds it so long
AGAIN = 0.5  # seconds between two attempts to take it


class KeptLease:
    """Implements `pipeline.gitlab_runner.desk.Hold`."""

    def __init__(self, leases: Leases, lease: Lease, unwanted: Callable[[], bool]) -> None:
        self.lease = lease
        self._lost = False
        self._unwanted = unwanted
        self.keeper = Keeper(leases, lease, TTL, wanted=unwanted, leave=self._leave)

    def check(self) -> None:
        if self._unwanted():
            raise Stopped(
                "Stopped as asked. Runners that were told to finish their jobs do so; apply again to go on from there."
            )
        if self._lost or self.keeper.stop():
            raise Stopped(
                "The lease on the GitLab runners was lost: this process slept too long, or its database did. Whoever has it "
                "now goes on; apply again when it is done."
            )

    def _leave(self, _: int) -> None:
        self._lost = True


@contextmanager
def hold(leases: Leases, unwanted: Callable[[], bool], patience: float) -> Iterator[KeptLease]:
    """Raises `Conflict` while somebody else has it for so long. `unwanted`: does anybody want us to end?"""
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
    until = time.monotonic() + patience
    while (lease := leases.take(KEY, owner, TTL)) is None:
        if time.monotonic() > until:
            raise Conflict(
                "Another apply of the GitLab runners is under way; jobs may be finishing. Wait for it, then apply again."
            )
        time.sleep(AGAIN)
    kept = KeptLease(leases, lease, unwanted)
    try:
        with kept.keeper:
            yield kept
    finally:
        leases.give_back(lease)
