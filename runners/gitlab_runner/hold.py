"""The lease under which GitLab runners are changed: taken, kept, and given back. One at a time for an installation."""

import os
import secrets
import socket
import time
from collections.abc import Iterator
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

    def __init__(self, leases: Leases, lease: Lease) -> None:
        self.lease = lease
        self._lost = False
        self.keeper = Keeper(leases, lease, TTL, wanted=lambda: False, leave=self._leave)

    def check(self) -> None:
        if self._lost or self.keeper.stop():
            raise Stopped(
                "The lease on the GitLab runners was lost: this process slept too long, or its database did. Whoever has it "
                "now goes on; apply again when it is done."
            )

    def _leave(self, _: int) -> None:
        self._lost = True


@contextmanager
def hold(leases: Leases, patience: float) -> Iterator[KeptLease]:
    """Raises `Conflict` while somebody else has it for so long."""
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
    until = time.monotonic() + patience
    while (lease := leases.take(KEY, owner, TTL)) is None:
        if time.monotonic() > until:
            raise Conflict(
                "Another apply of the GitLab runners is under way; jobs may be finishing. Wait for it, then apply again."
            )
        time.sleep(AGAIN)
    kept = KeptLease(leases, lease)
    try:
        with kept.keeper:
            yield kept
    finally:
        leases.give_back(lease)
