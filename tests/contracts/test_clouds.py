"""Port `Compute`: what its contract says, over the stand-in, fakes of the clouds over HTTP, and the lab's machines."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.errors import Rejected
from pipeline.pools.order import InstanceState
from pipeline.secret import Secret
from tests.parts.clouds import ground as grounds
from tests.parts.clouds.ground import OURS, THEIRS, Ground, text_of

MAKERS = {"memory": grounds.memory, "aliyun": grounds.aliyun, "aws": grounds.aws, "lab": grounds.lab}
ALL = [pytest.param(name, marks=pytest.mark.live if name == "lab" else ()) for name in MAKERS]
LIVING = (InstanceState.STARTING, InstanceState.RUNNING)


@pytest.fixture
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    with MAKERS[request.param]() as made:
        yield made


over_all = pytest.mark.parametrize("ground", ALL, indirect=True)
over_others = pytest.mark.parametrize("ground", ALL[1:], indirect=True)
over_clouds = pytest.mark.parametrize("ground", ["aliyun", "aws"], indirect=True)


@over_all
def test_a_machine_is_made_and_listed_with_its_wish_and_address(ground: Ground):
    instance = ground.compute.launch(ground.order())

    found = ground.compute.instances()

    assert [(one.id, one.wish, one.taken) for one in found] == [(instance, ground.order().wish, "")]
    assert found[0].state in LIVING
    assert found[0].address
    assert found[0].launched_at
    assert abs(datetime.now(UTC) - found[0].launched_at) < timedelta(minutes=2)


@over_all
def test_one_wish_is_one_machine_however_often_it_is_asked_for(ground: Ground):
    order = ground.order()

    ids = {ground.compute.launch(order) for _ in range(3)}

    assert len(ids) == 1
    assert ground.living() == 1


@over_all
def test_two_wishes_are_two_machines(ground: Ground):
    assert ground.compute.launch(ground.order(1)) != ground.compute.launch(ground.order(2))
    assert ground.living() == 2


@over_all
def test_a_rehearsal_of_a_good_order_makes_nothing(ground: Ground):
    ground.compute.rehearse(ground.order())

    assert ground.living() == 0


@over_clouds
def test_a_rehearsal_says_what_the_cloud_would_refuse(ground: Ground):
    with pytest.raises(Rejected, match=r"Invalid(ImageId|AMIID)\.NotFound"):
        ground.compute.rehearse(ground.order(image="m-that-nobody-made"))


@over_clouds
def test_a_rehearsal_leaves_the_order_itself_as_good_as_before(ground: Ground):
    order = ground.order()
    ground.compute.rehearse(order)

    assert [one.id for one in ground.compute.instances()] == []
    assert ground.compute.launch(order)


@over_clouds
@pytest.mark.parametrize("kind", ["lost", "throttled", "broken"])
def test_a_lost_answer_or_a_busy_cloud_makes_no_second_machine(ground: Ground, kind: str):
    ground.fault(kind)

    instance = ground.compute.launch(ground.order())

    assert [one.id for one in ground.compute.instances()] == [instance]
    assert ground.living() == 1


@over_clouds
def test_what_is_refused_is_not_asked_for_again(ground: Ground):
    ground.fault("refused")

    with pytest.raises(Rejected, match="QuotaExceed"):
        ground.compute.launch(ground.order())

    assert ground.living() == 0


@over_clouds
def test_the_same_wish_in_other_words_is_refused(ground: Ground):
    ground.compute.launch(ground.order())

    with pytest.raises(Rejected, match="IdempotentParameterMismatch"):
        ground.compute.launch(ground.order(type="another.size"))

    assert ground.living() == 1


@over_clouds
def test_an_unknown_image_is_refused(ground: Ground):
    with pytest.raises(Rejected, match=r"Invalid(ImageId|AMIID)\.NotFound"):
        ground.compute.launch(ground.order(image="m-none"))


@over_clouds
def test_user_data_up_to_the_limit_arrives_word_for_word_and_more_is_refused(ground: Ground):
    text = "#!/bin/sh\n# größer\n"
    text += "#" * (ground.limit - len(text.encode()))

    ground.compute.launch(ground.order(1, user_data=Secret(text)))

    sent = ground.sent()
    assert base64.b64decode(sent["UserData"]).decode() == text
    with pytest.raises(Rejected, match=r"(?i)user ?data"):
        ground.compute.launch(ground.order(2, user_data=Secret(text + "#")))


@over_clouds
def test_metadata_is_only_for_who_asked_for_a_session(ground: Ground):
    ground.compute.launch(ground.order())

    sent = ground.sent()
    assert "required" in (sent.get("HttpTokens"), sent.get("MetadataOptions.HttpTokens"))
    assert sent.get("MetadataOptions.HttpPutResponseHopLimit", "1") == "1"


@over_clouds
def test_a_spot_machine_is_asked_for_as_one(ground: Ground):
    ground.compute.launch(ground.order(spot=True))

    assert "spot" in text_of(ground).lower()


@over_all
def test_a_machine_is_deleted_and_deleting_it_again_is_fine(ground: Ground):
    first, second = (ground.compute.launch(ground.order(number)) for number in (1, 2))

    ground.compute.terminate([first])
    ground.compute.terminate([first])

    assert [one.id for one in ground.compute.instances() if one.state in LIVING] == [second]
    assert ground.living() == 1


@over_others
def test_machines_of_another_shipway_or_pool_are_neither_listed_nor_deleted(ground: Ground):
    mine = ground.compute.launch(ground.order(1))
    theirs = ground.another(THEIRS, ground.pool)
    foreign = theirs.launch(ground.order(2))

    assert [one.id for one in ground.compute.instances()] == [mine]
    with pytest.raises(Rejected, match="does not carry the tags"):
        ground.compute.terminate([mine, foreign])
    with pytest.raises(Rejected, match="does not carry the tags"):
        ground.another(OURS, replace(ground.pool, name="api")).terminate([mine])
    assert [one.id for one in ground.compute.instances()] == [mine]
    assert [one.id for one in theirs.instances()] == [foreign]
    theirs.terminate([foreign])


@pytest.mark.parametrize("ground", ["memory", "aliyun", "aws"], indirect=True)
def test_all_pages_of_the_list_are_read(ground: Ground):
    made = {ground.compute.launch(ground.order(number)) for number in range(12)}

    assert {one.id for one in ground.compute.instances()} == made


@pytest.mark.parametrize("ground", ["aliyun"], indirect=True)
def test_a_spot_machine_that_is_taken_away_is_told(ground: Ground):
    instance = ground.compute.launch(ground.order(spot=True))

    ground.take_away(instance)

    assert [one.taken for one in ground.compute.instances()] == ["spot, it is being recycled"]


@pytest.mark.parametrize("ground", ["aliyun"], indirect=True)
def test_the_release_time_is_set_at_the_launch_and_put_off(ground: Ground):
    order = ground.order()
    instance = ground.compute.launch(order)
    assert order.release_at is not None
    assert ground.sent()["AutoReleaseTime"] == order.release_at.strftime("%Y-%m-%dT%H:%M:%SZ")

    ground.compute.extend(instance, datetime.now(UTC) + timedelta(hours=9))
    with pytest.raises(Rejected, match="AutoReleaseTime"):
        ground.compute.extend(instance, datetime.now(UTC) + timedelta(minutes=5))


@pytest.mark.parametrize("ground", ["aliyun"], indirect=True)
def test_a_wrong_key_is_told_with_the_page_of_rights(ground: Ground):
    wrong = replace(ground.pool, secret_key=Secret("wrong"))

    with pytest.raises(Rejected, match=r"docs/hosts-pools\.md"):
        ground.another(OURS, wrong).instances()
