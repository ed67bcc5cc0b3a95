"""Three hosts × 2 replicas under kept and fresh connections and POSTs: forward, back by itself, back by hand, for each
contestant on the same hosts one after the other. Prints failed requests, seconds, and seconds as a ratio to Shipway's."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.by_shell import ByShell
from tests.bench.by_shipway import ByShipway
from tests.bench.by_swarm import BySwarm
from tests.bench.contestant import Contestant, Images
from tests.bench.images import build
from tests.lab.commands import say
from tests.lab.needs import install
from tests.load.counts import Counts
from tests.load.session import Load, standard
from tests.parts.house import QUICK
from tests.parts.laboratory import laboratory

RATE = 200
PHASES = ("v1 → v2", "bad image, back by itself", "back by hand")


@dataclass(frozen=True)
class Measured:
    seconds: float
    counts: Counts
    broken: str = ""  # what the contestant said when it did not do its work


def main() -> int:
    install(("docker",))
    lab = laboratory()
    images = build(lab)
    say("images built and on every host")
    contestants: list[Contestant] = [
        ByShipway(lab, "haproxy"),
        ByShipway(lab, "nginx"),
        ByShell(lab),
        BySwarm(lab),
    ]
    table = {contestant.name: _one(contestant, images) for contestant in contestants}
    print(_told(table))
    ours = [m for name, row in table.items() if name.startswith("Shipway") for m in row]
    return 0 if ours and all(not m.counts.failed and not m.broken for m in ours) else 1


def _one(contestant: Contestant, images: Images) -> list[Measured]:
    """Three phases; a contestant that cannot even start has none."""
    try:
        contestant.prepare(images)
        rows = [
            _phase(contestant, deed, images)
            for deed in (contestant.forward, contestant.fail, contestant.back)
        ]
    except (AssertionError, OSError) as error:
        say(f"{contestant.name} cannot take part: {str(error)[:400]}")
        rows = []
    finally:
        contestant.clean()
    for phase, m in zip(PHASES, rows, strict=False):
        say(f"{contestant.name}: {phase}: {m.seconds:.1f} s, {m.counts} {m.broken}")
    return rows


def _phase(contestant: Contestant, deed: Callable[[Images], None], images: Images) -> Measured:
    """A second of load before and after the deed."""
    broken = ""
    with Load(standard(contestant.fronts, RATE)) as load:
        time.sleep(1)
        begin = time.monotonic()
        try:
            deed(images)
        except AssertionError as error:
            broken = str(error)[:300]
        seconds = time.monotonic() - begin
        time.sleep(1)
        return Measured(seconds, load.stop(), broken)


def _told(table: dict[str, list[Measured]]) -> str:
    lines = [
        f"\nRollout of 3 hosts × 2 replicas at {RATE} requests/s (60 % kept connections, 30 % fresh ones, 10 % POST); "
        f"load average {os.getloadavg()[0]:.1f}",
        f"Shipway's rollout: {QUICK}; Swarm: monitor 5s, parallelism 1; shell: health, reload, stop",
        f"{'':22}" + "".join(f"{phase:>34}" for phase in PHASES),
        f"{'':22}" + f"{'failed of sent':>18}{'s':>8}{'ratio':>8}" * len(PHASES),
    ]
    reference = next((row for row in table.values() if row), [])
    for name, row in table.items():
        cells = [_cell(m, first) for m, first in zip(row, reference, strict=False)]
        lines.append(f"{name:22}" + ("".join(cells) or "  did not take part"))
    return "\n".join(lines)


def _cell(measured: Measured, reference: Measured) -> str:
    if measured.broken:
        return f"{'did not do it':>34}"
    counts = f"{measured.counts.failed} of {measured.counts.sent}"
    return f"{counts:>18}{measured.seconds:8.1f}{measured.seconds / reference.seconds:8.2f}"
