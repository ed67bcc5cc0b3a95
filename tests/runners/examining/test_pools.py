"""What `doctor` says of pools: over a cloud in memory, which the contract suite holds to the real ones' ways."""

from datetime import UTC, datetime

import pytest

from pipeline.errors import Rejected
from pipeline.pools.pool import Pool, Provider
from pipeline.settings import Server
from runners.examining.pools import NOBODY, installation_of, look_at_pool
from runners.stand_ins.clouds import MemoryCloud

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WEB = Pool("web", Provider.ALIYUN, max=3, type="ecs.c7.large", image="m-docker")


def cloud(pool: Pool = WEB) -> MemoryCloud:
    return MemoryCloud(pool, lambda: NOW)


def test_a_pool_that_would_work_says_what_it_would_make_and_makes_nothing():
    memory = cloud()

    told = look_at_pool(WEB, memory, True, NOW)

    assert [str(one.level) for one in told] == ["ok", "ok"]
    assert "aliyun answers, machines with our tags: 0" in told[0].text
    assert "ecs.c7.large machines out of m-docker" in told[1].text
    assert memory.made == []


def test_what_the_cloud_would_refuse_is_bad_and_says_where_to_mend_it():
    memory = cloud()
    memory.troubles = [Rejected("Pool web: RunInstances: InvalidImageId.NotFound: no such image.")]

    *_, told = look_at_pool(WEB, memory, True, NOW)

    assert (str(told.level), "InvalidImageId.NotFound" in told.text) == ("bad", True)
    assert "pools.web in shipway.yml" in told.mend


def test_a_pool_whose_machines_could_not_join_is_bad():
    told = look_at_pool(WEB, cloud(), False, NOW)

    assert [(str(one.level), one.mend) for one in told if "could not join" in one.text] == [
        ("bad", "set enrolment.address in shipway.yml; docs/hosts.md")
    ]


@pytest.mark.parametrize("pool", [Pool("web", Provider.LAB, max=3), Pool("web", Provider.ALIYUN, max=0)])
def test_nothing_is_rehearsed_where_nobody_can_or_none_is_wanted(pool: Pool):
    memory = cloud(pool)
    memory.troubles = [Rejected("it was asked")]

    assert len(look_at_pool(pool, memory, True, NOW)) == 1


def test_before_the_first_start_no_machine_is_ours_and_no_book_is_made(tmp_path):
    data = tmp_path / "data"

    assert installation_of(Server(data=str(data)))() == NOBODY
    assert not data.exists()
