"""Five pushes in ten seconds: at most two deployments, the last push stays, and the others say which run took their
place. The pushes come at any moment of what the first one started, its checkout, build or rollout."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.delivery.run import RunStatus
from pipeline.rollout.deployment import Status
from tests.journey.road import chances

PUSHES, WITHIN = 5, 10.0
NAMED = re.compile(r"Run (\d+), asked for later, took its place before it began\.")


def commits(road, count=PUSHES):
    made = [road.commit({"a": "0\n"})]
    for number in range(1, count):
        made.append(road.commit({"a": f"{number}\n"}, made[-1]))
    return made


def verdict(road, numbers, pushed):
    """Whatever the timing was, this holds."""
    runs = [road.run(number) for number in numbers]
    assert {run.status for run in runs} <= {RunStatus.SUCCEEDED, RunStatus.SUPERSEDED}
    assert runs[-1].status is RunStatus.SUCCEEDED
    assert 1 <= len(road.deployed) <= 2
    assert road.deployed[-1] == pushed[-1]
    assert {one.status for one in road.store.deployments.deployments()} == {Status.SUCCEEDED}
    for run in runs:
        if run.status is RunStatus.SUPERSEDED:
            heir = int(NAMED.fullmatch(run.error)[1])
            assert heir in numbers
            assert heir > run.id


@pytest.mark.parametrize("seed", range(24))
def test_five_pushes_in_ten_seconds_are_two_deployments_at_most(road, seed):
    chance, pushed, numbers = chances(seed), commits(road), []
    times = sorted(chance.uniform(0.0, WITHIN) for _ in pushed)
    road.builder.pace = lambda: road.clock.sleep(chance.choice((0.0, 1.0, 4.0, 9.0)))
    for at, commit in zip(times, pushed, strict=True):
        road.plan.after(at, lambda commit=commit: numbers.extend(road.push(commit).runs))

    road.settle()

    assert len(numbers) == PUSHES
    verdict(road, numbers, pushed)


@pytest.mark.parametrize("seed", range(12))
def test_pushes_that_come_at_once_while_workers_look_leave_one_run_each_for_now_and_later(road, seed):
    """Webhooks and workers in threads, as in life: whoever comes last in the books is the newest."""
    chance, pushed = chances(seed), commits(road)
    road.origin.branch("main", pushed[-1])
    ready, numbers = threading.Barrier(PUSHES + 2), []

    def push(commit):
        ready.wait()
        numbers.extend(road.push(commit, "main").runs)

    def look():
        ready.wait()
        for _ in range(chance.randint(1, 5)):
            for number in road.store.runs.due():
                road.work("run", number)

    road.origin.branch = lambda *_: None  # all are there; five threads need not move the ref
    with ThreadPoolExecutor(PUSHES + 2) as pool:
        deeds = [pool.submit(push, commit) for commit in pushed] + [pool.submit(look) for _ in range(2)]
    for deed in deeds:
        deed.result()
    road.settle()

    newest = road.run(max(numbers))
    verdict(road, sorted(numbers), [newest.commit])
