"""The fake of Aliyun's application load balancer refuses what the real one refuses, and works in jobs as it does."""

import threading
from collections.abc import Iterator

import pytest

from tests.parts.balancers.alb_cloud import AlbCloud, AlbListener
from tests.parts.balancers.aliyun_signature import ApiError
from tests.parts.balancers.data_plane import Plane

ADD, UPDATE, REMOVE = (
    "AddServersToServerGroup",
    "UpdateServerGroupServersAttribute",
    "RemoveServersFromServerGroup",
)


@pytest.fixture
def cloud() -> Iterator[AlbCloud]:
    plane = Plane()
    made = AlbCloud(plane)
    made.add_alb("alb-1", AlbListener("lsn-80", "sgp-1", ("sgp-1", "sgp-1")))
    made.add_group("sgp-1")
    made.busy = 0.0
    yield made
    plane.close()


def words(*servers: str, **more: str) -> dict[str, str]:
    found = {"ServerGroupId": "sgp-1"}
    for at, server in enumerate(servers, 1):
        row = {"ServerId": server, "ServerType": "Ecs", "Port": "80"} | more
        found |= {f"Servers.{at}.{key}": value for key, value in row.items() if value}
    return found


def code(cloud: AlbCloud, action: str, values: dict[str, str]) -> str:
    try:
        cloud.act(action, values)
    except ApiError as error:
        return error.code
    return "OK"


def settled(cloud: AlbCloud) -> None:
    """Until every job has ended: the plane's thread does them in turn."""
    while any(group.jobs for group in cloud.groups.values()):
        done = threading.Event()
        cloud.plane.loop.call_soon_threadsafe(done.set)
        done.wait(5)


@pytest.mark.parametrize(
    ("action", "values", "said"),
    [
        (ADD, words(), "MissingParam.Servers"),
        (ADD, words(*(f"i-{n}" for n in range(201))), "QuotaExceeded.ServersNum"),
        (UPDATE, words(*(f"i-{n}" for n in range(41))), "QuotaExceeded.ServersNum"),
        (ADD, words("i-1", "i-1"), "DuplicatedParam.Server"),
        (ADD, words("i-1", Port=""), "MissingParam.Port"),
        (ADD, words("i-1", ServerType=""), "MissingParam.ServerType"),
        (ADD, words("10.0.0.1"), "Mismatch.ServerType"),
        (ADD, words("i-1", Weight="101"), "IllegalParam.Weight"),
        (ADD, words("i-1", Description="x"), "IllegalParam.description"),
        (ADD, words("i-stopped"), "IncorrectStatus.Ecs"),
        (UPDATE, words("i-nobody"), "ResourceNotFound.BackendServer"),
        (REMOVE, words("i-nobody"), "ResourceNotFound.BackendServer"),
        (ADD, {"ServerGroupId": "sgp-9"}, "ResourceNotFound.ServerGroup"),
        (ADD, words("i-1") | {"ClientToken": "x" * 65}, "IllegalParam.ClientToken"),
        ("ListServerGroupServers", words() | {"MaxResults": "101"}, "IllegalParam.MaxResults"),
        ("GetListenerHealthStatus", {"ListenerId": "lsn-80", "MaxResults": "31"}, "IllegalParam.MaxResults"),
        ("GetListenerHealthStatus", {"ListenerId": "lsn-9"}, "ResourceNotFound.Listener"),
        ("Nope", {}, "InvalidAction.NotFound"),
    ],
)
def test_a_wrong_word_is_refused_by_its_code(cloud: AlbCloud, action, values, said):
    cloud.stopped.add("i-stopped")

    assert code(cloud, action, values) == said


def test_while_a_job_goes_on_the_group_takes_no_other_and_has_what_was_before(cloud: AlbCloud):
    cloud.act(ADD, words("i-1"))
    settled(cloud)
    cloud.busy = 60.0
    first = code(cloud, UPDATE, words("i-1", Weight="0"))
    row = cloud.act("ListServerGroupServers", words())["Servers"][0]

    assert (first, code(cloud, ADD, words("i-2"))) == ("OK", "IncorrectStatus.ServerGroup")
    assert (row["Status"], row["Weight"]) == ("Configuring", 100)


def test_an_order_by_the_same_token_is_done_once(cloud: AlbCloud):
    token = {"ClientToken": "once"}
    first = cloud.act(ADD, words("i-1") | token)
    settled(cloud)

    assert cloud.act(ADD, words("i-1") | token) == first
    assert code(cloud, ADD, words("i-2") | token) == "IdempotenceSignatureMismatch"
    assert code(cloud, ADD, words("i-1")) == "ResourceAlreadyExist.Server"


def test_a_parked_member_is_unused_and_the_rules_are_told_only_when_asked_for(cloud: AlbCloud):
    cloud.act(ADD, words("i-1", Weight="0"))
    settled(cloud)
    asked = {"ListenerId": "lsn-80", "MaxResults": "1"}
    plain = cloud.act("GetListenerHealthStatus", asked)
    first = cloud.act("GetListenerHealthStatus", asked | {"IncludeRule": "true"})

    said = [
        one["Status"] for one in plain["ListenerHealthStatus"][0]["ServerGroupInfos"][0]["NonNormalServers"]
    ]
    assert (said, plain["RuleHealthStatus"]) == (["Unused"], [])
    assert (len(first["RuleHealthStatus"]), first["NextToken"]) == (1, "1")
