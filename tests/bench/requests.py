"""What users notice of 10 rollouts and 5 rollbacks: at least 100,000 requests, over kept and fresh connections, POSTs, answers
that take 5 s, streams and WebSockets of 5 s to their end; with HAProxy and with nginx. Prints every failure by its class."""

import os
import time
from dataclasses import dataclass

from tests.bench.by_shipway import ByShipway
from tests.bench.contestant import Images
from tests.bench.images import build
from tests.lab.commands import say
from tests.lab.needs import install
from tests.load.counts import Counts
from tests.load.session import Load, demanding
from tests.parts.house import QUICK
from tests.parts.laboratory import Laboratory, laboratory

LEAST = int(os.environ.get("SHIPWAY_BENCH_REQUESTS", "100000"))
RATE = 400.0  # requests a second
ROUNDS = 5  # each: two rollouts and a rollback
KINDS = ("kept", "fresh", "POST", "5 s late", "5 s streamed", "5 s WebSocket")


@dataclass(frozen=True)
class Measured:
    rollouts: int
    rollbacks: int
    seconds: float
    kinds: list[Counts]

    @property
    def failed(self) -> int:
        return sum(counts.failed for counts in self.kinds)


def main() -> int:
    install(("docker",))
    lab = laboratory()
    images = build(lab)
    table = {proxy: _measured(lab, proxy, images) for proxy in ("haproxy", "nginx")}
    print(_told(table))
    return 1 if any(measured.failed for measured in table.values()) else 0


def _measured(lab: Laboratory, proxy: str, images: Images) -> Measured:
    shipway = ByShipway(lab, proxy)
    try:
        shipway.prepare(images)
        with Load(demanding(shipway.fronts, RATE)) as load:
            begin, rounds = time.monotonic(), 0
            while rounds < ROUNDS or time.monotonic() - begin < LEAST / RATE:
                _round(shipway, images)
                rounds += 1
                say(f"{proxy}: round {rounds}, {time.monotonic() - begin:.0f} s")
            seconds = time.monotonic() - begin
            return Measured(2 * rounds, rounds, seconds, load.stop_each())
    finally:
        shipway.clean()


def _round(shipway: ByShipway, images: Images) -> None:
    """v2, then v1 as a new release, then back to v2."""
    shipway.forward(images)
    shipway.again(images.v1)
    shipway.back(images)


def _told(table: dict[str, Measured]) -> str:
    lines = [
        f"\nAt {RATE:g} requests/s and beside them 6 of each long kind at any time; rollout {QUICK}; "
        f"load average {os.getloadavg()[0]:.1f}",
        f"{'':10}{'rollouts':>9}{'rollbacks':>10}{'s':>7}"
        + "".join(f"{kind:>18}" for kind in (*KINDS, "all")),
    ]
    for proxy, m in table.items():
        sent = sum(counts.sent for counts in m.kinds)
        cells = [f"{c.failed} of {c.sent}" for c in m.kinds] + [f"{m.failed} of {sent}"]
        lines.append(
            f"{proxy:10}{m.rollouts:9}{m.rollbacks:10}{m.seconds:7.0f}"
            + "".join(f"{cell:>18}" for cell in cells)
        )
        lines += [
            f"  {kind}: {counts}; first {counts.first_failures[:3]}"
            for kind, counts in zip(KINDS, m.kinds, strict=True)
            if counts.failed
        ]
    return "\n".join(lines)
