"""Three hosts × 2 replicas under kept and fresh connections and POSTs: forward, back by itself from a sick third host, back by
hand, for each contestant on the same hosts one after the other. Prints failed requests, seconds, and their ratio to Shipway's."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from subprocess import TimeoutExpired

from tests.bench.by_ansible import ByAnsible
from tests.bench.by_shell import ByShell
from tests.bench.by_shipway import ByShipway
from tests.bench.by_swarm import BySwarm
from tests.bench.contestant import FALL, INTERVAL, PATIENCE, REPLICAS, TIMEOUT, Contestant, Images
from tests.bench.deploy import MINIMUM
from tests.bench.images import build, forget
from tests.bench.verdict import Verdict
from tests.lab.commands import say
from tests.lab.needs import install
from tests.load.counts import Counts
from tests.load.session import Load, standard
from tests.parts.laboratory import Laboratory, laboratory

RATE = 200
PHASES = ("v1 → v2", "sick third host, back by itself", "back by hand")
SPEC = f"""
run: {{port: 8000}}
health: {{path: /healthz, interval: {INTERVAL}s, timeout: {TIMEOUT}s, rise: 1, fall: {FALL}, deadline: {PATIENCE}s}}
"""
CONDITIONS = (
    f"Health of all: GET /healthz each {INTERVAL} s, {TIMEOUT} s each; well at the first good answer, which has {PATIENCE} s; "
    f"unwell after {FALL} bad ones in a row.",
    "Until then Shipway, the script and Ansible ask each 0.25 s; Swarm's engine cannot.",
    f"Shipway at its minimum: {MINIMUM}, batch 1 | script, Ansible: host by host, 1 s after a reload, no watch |",
    "Swarm: start-first, parallelism 1, monitor 5s (its default); in `no watch` 1ms | all images come from the registry.",
)


@dataclass(frozen=True)
class Measured:
    seconds: float
    counts: Counts
    broken: str = ""  # what the contestant said when it did not do its work


@dataclass(frozen=True)
class Row:
    phases: list[Measured] = field(default_factory=list)
    absent: str = ""  # why it took no part


def main() -> int:
    install(("docker",))
    lab = laboratory()
    with Verdict(lab.registry.partition(":")[0], well=REPLICAS * 2) as verdict:
        images = build(lab, verdict.bad)
        say("images built and in the registry")
        table = {one.name: _one(one, lab, images, verdict) for one in _contestants(lab)}
    print(_told(table))
    ours = [m for name, row in table.items() if name.startswith("Shipway") for m in row.phases]
    return 0 if ours and all(not m.counts.failed and not m.broken for m in ours) else 1


def _contestants(lab: Laboratory) -> list[Contestant]:
    return [
        ByShipway(lab, "haproxy", MINIMUM, SPEC),
        ByShipway(lab, "nginx", MINIMUM, SPEC),
        ByShell(lab),
        ByAnsible(lab),
        BySwarm(lab),
        BySwarm(lab, "Swarm, no watch", "1ms"),
    ]


def _one(contestant: Contestant, lab: Laboratory, images: Images, verdict: Verdict) -> Row:
    """Three phases; a contestant that cannot even start has none."""
    verdict.forget()
    deeds = (contestant.forward, lambda images: _sick(contestant, images, verdict), contestant.back)
    try:
        forget(lab, images)
        contestant.prepare(images)
        row = Row([_phase(contestant, deed, images) for deed in deeds])
    except (AssertionError, OSError, TimeoutExpired) as error:
        row = Row(absent=str(error)[:400])
        say(f"{contestant.name} cannot take part: {row.absent}")
    finally:
        contestant.clean()
    for phase, m in zip(PHASES, row.phases, strict=False):
        say(f"{contestant.name}: {phase}: {m.seconds:.1f} s, {m.counts} {m.broken}")
    return row


def _sick(contestant: Contestant, images: Images, verdict: Verdict) -> None:
    contestant.fail(images)
    assert verdict.refused, "it went back before the third host"


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


def _told(table: dict[str, Row]) -> str:
    lines = [
        f"\nRollout of 3 hosts × {REPLICAS} replicas at {RATE} requests/s (60 % kept connections, 30 % fresh ones, 10 % POST); "
        f"load average {os.getloadavg()[0]:.1f}",
        *CONDITIONS,
        f"{'':22}" + "".join(f"{phase:>34}" for phase in PHASES),
        f"{'':22}" + f"{'failed of sent':>18}{'s':>8}{'ratio':>8}" * len(PHASES),
    ]
    reference = next((row.phases for row in table.values() if row.phases), [])
    for name, row in table.items():
        cells = [_cell(m, first) for m, first in zip(row.phases, reference, strict=False)]
        lines.append(f"{name:22}" + ("".join(cells) or f"  did not take part: {row.absent}"))
    return "\n".join(lines)


def _cell(measured: Measured, reference: Measured) -> str:
    if measured.broken:
        return f"{'did not do it':>34}"
    counts = f"{measured.counts.failed} of {measured.counts.sent}"
    return f"{counts:>18}{measured.seconds:8.1f}{measured.seconds / reference.seconds:8.2f}"
