"""Starts generators as processes of their own, so that a busy test does not slow them, and adds up what they counted."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.load.counts import Counts
from tests.load.generator import Plan

_ROOT = Path(__file__).parents[2]


def standard(
    targets: Sequence[str], rate: float = 100.0, host: str = "app", timeout: float = 15.0
) -> list[Plan]:
    """GETs over kept connections, GETs over a connection each, POSTs over kept connections; `rate` is of all together."""
    to = tuple(targets)
    return [
        Plan(to, rate * 0.6, 24, keep_alive=True, host=host, timeout=timeout),
        Plan(to, rate * 0.3, 12, keep_alive=False, host=host, timeout=timeout),
        Plan(to, rate * 0.1, 6, keep_alive=True, method="POST", host=host, timeout=timeout),
    ]


def demanding(targets: Sequence[str], rate: float, seconds: float = 5.0, host: str = "app") -> list[Plan]:
    """The standard load, and beside it answers that take `seconds` each: late ones, streamed ones, WebSockets to their end."""
    to, path = tuple(targets), f"?s={seconds:g}"
    lines = 2 * len(to)  # in flight at once, of each kind
    return [
        *standard(targets, rate, host),
        *(
            Plan(to, lines / seconds, lines, True, path=f"/{kind}{path}", host=host)
            for kind in ("slow", "stream")
        ),
        Plan(to, lines / seconds, lines, path=f"/socket{path}", host=host, websocket=True),
    ]


class Load:
    """`with Load(plans) as load: …; counts = load.stop()`. Requests under way get their outcome before `stop` returns."""

    def __init__(self, plans: Sequence[Plan]) -> None:
        self._longest = max(plan.timeout for plan in plans)
        self._children: list[subprocess.Popen[str]] = []
        for plan in plans:
            words = [sys.executable, "-m", "tests.load", "--plan", json.dumps(plan.__dict__)]
            child = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT
            )
            self._children.append(child)
        for child in self._children:
            assert child.stdout
            child.stdout.readline()  # it says `ready` when its connections are about to open
        self._each: list[Counts] = []

    def stop(self) -> Counts:
        """End the load and tell what became of every request."""
        total = Counts()
        for counts in self.stop_each():
            total = total.add(counts)
        return total

    def stop_each(self) -> list[Counts]:
        """As `stop`, one result a plan."""
        for child in self._children:
            assert child.stdin
            child.stdin.close()  # the end of its input is the sign to stop
        for child in self._children:
            assert child.stdout
            self._each.append(Counts.of(json.loads(child.stdout.read())))
            child.stdout.close()
            child.wait(self._longest + 10)
        self._children = []
        return self._each

    def __enter__(self) -> "Load":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._children:
            self.stop()
