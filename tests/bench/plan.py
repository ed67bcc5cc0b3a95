"""What a rollout costs us alone: the whole plan of a release for 10, 100 and 1,000 hosts, and one journal entry of it, in CPU
time. No lab: the world is the planner's own, the books are SQLite. The first row is the baseline of the ratios."""

import os
import tempfile
import time
import tracemalloc
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.lease import deployment_key
from pipeline.rollout.deployment import Deployment, HostRecord
from pipeline.rollout.observed import Observed
from pipeline.rollout.plan import plan
from pipeline.rollout.survey import survey
from runners.store.codec import Codec
from runners.store.database import Database
from runners.store.deployment_rows import DeploymentRows
from runners.store.deployments import SqlDeployments
from runners.store.leases import SqlLeases
from runners.store.migrate import migrate
from tests.rollout.stage import POLICY, Stage

SIZES = (10, 100, 1000)
BATCH = "10%"  # the number of looks is then the same for every size
SAVES = 20


@dataclass(frozen=True)
class Cost:
    hosts: int
    plan: float  # seconds of CPU
    steps: int
    save: float  # seconds of CPU for one journal entry of all hosts
    peak: int  # bytes


def main() -> int:
    costs = [_cost(hosts) for hosts in SIZES]
    print(_told(costs))
    return 0


def _cost(hosts: int) -> Cost:
    deployment, observed = _ready(hosts)
    begin = time.process_time()
    steps = plan(deployment, observed)
    spent = time.process_time() - begin
    assert steps[-1].what == "it ends succeeded", steps[-1]
    save = _saving(deployment)
    return Cost(hosts, spent, len(steps), save, _peak(deployment, observed))


def _ready(hosts: int) -> tuple[Deployment, Observed]:
    """2 replicas a host, a proxy on each, a release to come."""
    stage = Stage(hosts, replicas=2, policy=replace(POLICY, batch=BATCH))
    deployment = stage.books.deployments.deployment(stage.deploy(stage.release()))
    return deployment, survey(deployment, stage.ports)


def _peak(deployment: Deployment, observed: Observed) -> int:
    tracemalloc.start()
    try:
        plan(deployment, observed)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _saving(deployment: Deployment) -> float:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder, 'books.sqlite')}")
        migrate(database)
        book = SqlDeployments(database, DeploymentRows(database, Codec()))
        number = book.create(deployment)
        lease = SqlLeases(database).take(deployment_key(number), "bench", 60.0)
        assert lease
        records = tuple(HostRecord(plan.host) for plan in deployment.hosts)
        row = replace(deployment, id=number, records=records)
        begin = time.process_time()
        for _ in range(SAVES):
            book.save(row, (), lease)
        return (time.process_time() - begin) / SAVES


def _told(costs: list[Cost]) -> str:
    first = costs[0].plan / costs[0].hosts
    lines = [
        f"\nA whole rollout planned, {BATCH} of the hosts at once, 2 replicas each, CPU time; "
        f"load average {os.getloadavg()[0]:.1f}",
        f"{'hosts':>6}{'steps':>8}{'plan ms/host':>14}{'ratio':>7}{'save ms/host':>14}{'peak KiB/host':>15}",
    ]
    for cost in costs:
        each = cost.plan / cost.hosts
        lines.append(
            f"{cost.hosts:6}{cost.steps:8}{each * 1000:14.2f}{each / first:7.2f}"
            f"{cost.save / cost.hosts * 1000:14.3f}{cost.peak / cost.hosts / 1024:15.1f}"
        )
    return "\n".join(lines)
