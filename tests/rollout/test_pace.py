"""Which hosts may begin, and how many at once."""

from dataclasses import replace

import pytest

from pipeline.rollout import pace
from pipeline.rollout.deployment import HostPlan, Status
from pipeline.rollout.look import Look
from pipeline.rollout.policy import Policy, Waves
from pipeline.rollout.survey import survey
from tests.rollout.stage import POLICY, Stage


def starts(stage: Stage) -> list[str]:
    return [deed.partition(" on ")[2] for deed in stage.world.deeds if deed.startswith("start")]


def test_one_region_goes_after_the_other():
    stage = Stage(hosts=4, policy=replace(POLICY, batch=4), regions=("hz", "sh", "hz", "sh"))
    stage.live()
    fresh = stage.release()

    deployment = stage.run(stage.deploy(fresh))

    assert deployment.status is Status.SUCCEEDED
    assert starts(stage) == ["web-1", "web-3", "web-2", "web-4"]


def test_a_region_is_never_touched_as_a_whole():
    stage = Stage(hosts=4, policy=replace(POLICY, batch="100%"), regions=("hz", "hz", "hz", "sh"))
    stage.live()
    most = 0

    def hook(_: str) -> None:
        nonlocal most
        records = stage.books.deployments.deployment(2).records
        region = [r for r in records if r.host in ("web-1", "web-2", "web-3")]
        most = max(most, sum(r.touched and not r.done for r in region))

    number = stage.deploy(stage.release())
    stage.hook = hook

    assert stage.run(number).status is Status.SUCCEEDED
    assert most == 2


def test_without_waves_regions_do_not_matter():
    stage = Stage(hosts=2, policy=replace(POLICY, batch=2, waves=Waves.NONE), regions=("hz", "sh"))
    stage.live()

    stage.run(stage.deploy(stage.release()))
    first_switch = next(at for at, deed in enumerate(stage.world.deeds) if deed.startswith("switch"))

    assert [d for d in stage.world.deeds[:first_switch] if d.startswith("start")] == [
        "start 2.0 on web-1",
        "start 2.0 on web-2",
    ]


@pytest.mark.parametrize(
    ("policy", "hosts", "needed"),
    [
        (Policy(), 3, 2),
        (Policy(batch="50%"), 4, 2),
        (Policy(), 1, 0),
        (Policy(min_healthy=3), 3, 3),
        (Policy(max_unavailable=2), 5, 3),
        (Policy(max_unavailable="10%"), 5, 4),
        (Policy(max_unavailable=2, min_healthy=4), 5, 4),
    ],
)
def test_so_many_hosts_stay_in_rotation(policy, hosts, needed):
    assert policy.needed_of(hosts) == needed


def test_no_host_is_compared_with_all_the_others(monkeypatch):
    stage = Stage(hosts=100, policy=replace(POLICY, batch="10%"))
    deployment = stage.books.deployments.deployment(stage.deploy(stage.release()))
    look = Look(deployment, survey(deployment, stage.ports), stage.clock.now())
    compared: list[str] = []

    def equal(one: HostPlan, other: HostPlan) -> bool:
        compared.append(one.host)
        return one.host == other.host

    monkeypatch.setattr(HostPlan, "__eq__", equal)  # to count: what is slow with 1,000 hosts shows with 100

    assert len(pace.due(look)) == 10
    assert len(compared) <= 100
