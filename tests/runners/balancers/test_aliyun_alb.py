"""Aliyun's application load balancer: what its words mean, how its jobs are waited for, what it refuses."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import Rejected, Unreachable
from pipeline.fleet.balancer import BalancerKind, Capabilities, LoadBalancer, MemberState, Target
from pipeline.secret import Secret
from runners.aliyun_api import AliyunApi
from runners.balancers.aliyun_alb import AlbWire, AliyunAlb
from runners.balancers.chain import Chain
from runners.cloud_account import of_balancer
from runners.patience import Patience
from tests.parts.balancers.alb_cloud import CHANGES, CHECK, READS, AlbListener, ServerGroup
from tests.parts.balancers.alb_grounds import PORT, AlbRegion, alb_region
from tests.parts.balancers.faults import Fault

QUICK = Patience(deadline=5.0, first=0.02, longest=0.1)
ONCE = Patience(deadline=0.0)
ONE, TWO = Target("i-0", PORT), Target("i-1", PORT)


@pytest.fixture(scope="module")
def region() -> Iterator[AlbRegion]:
    with alb_region() as made:
        yield made


@pytest.fixture
def here(region: AlbRegion) -> Iterator[AlbRegion]:
    region.cloud.busy, region.cloud.page = 0.02, 20
    region.cloud.odd.clear()
    region.cloud.calls.clear()
    yield region
    region.faults.waiting.clear()


@pytest.fixture
def group(here: AlbRegion, request: pytest.FixtureRequest) -> ServerGroup:
    """Each test has its own."""
    made = here.cloud.add_group(f"sgp-{request.node.name}")
    here.cloud.add_alb("alb-1", AlbListener("lsn-80", made.id))
    return made


def balancer(here: AlbRegion, group: ServerGroup, name: str = "entry") -> AliyunAlb:
    return AliyunAlb(here.entry(name, "alb-1", group.id), QUICK)


def hold(group: ServerGroup, target: Target, weight: int = 100, job: str = "Available") -> None:
    """A member of ours, whose job goes on for as long as we like."""
    group.servers[target.id, target.port] = {
        "ServerId": target.id, "ServerIp": "", "ServerType": "Ecs", "Port": target.port, "Weight": weight,
        "Description": "shipway/entry", "Status": job,
    }  # fmt: skip


def changes(here: AlbRegion) -> list[str]:
    return [action for action, _ in here.cloud.calls if not action.startswith(("List", "Get"))]


def test_waits_come_from_the_group_and_the_listeners(here: AlbRegion, group: ServerGroup):
    group.check = CHECK | {"HealthCheckInterval": 1, "HealthCheckTimeout": 2, "HealthyThreshold": 4}
    here.cloud.add_alb("alb-1", AlbListener("lsn-80", group.id), AlbListener("lsn-443", request_timeout=90))

    assert balancer(here, group).capabilities() == Capabilities(
        True, False, False, 40, drain=90.0, settle=5.0, healthy_after=12.0
    )


def test_who_measured_says_how_soon_the_data_path_obeys(here: AlbRegion, group: ServerGroup):
    measured = replace(here.entry("entry", "alb-1", group.id), settle=0.0)

    assert AliyunAlb(measured, QUICK).capabilities().settle == 0.0


@pytest.mark.parametrize(
    ("weight", "job", "state"),
    [
        (0, "Available", MemberState.PARKED),
        (0, "Configuring", MemberState.DRAINING),
        (0, "Adding", MemberState.DRAINING),
        (100, "Removing", MemberState.DRAINING),
        (0, "Removing", MemberState.DRAINING),
        (100, "Adding", MemberState.STARTING),
        (100, "Configuring", MemberState.STARTING),
        (100, "Available", MemberState.STARTING),
        (100, "Enchanted", MemberState.UNKNOWN),
    ],
)
def test_what_weight_and_job_mean(here: AlbRegion, group: ServerGroup, weight, job, state):
    """The data path has none of them yet, hence `Initial`."""
    hold(group, ONE, weight, job)

    assert balancer(here, group).members()[ONE].state is state


def test_a_group_that_nobody_checks_gives_no_member_that_serves(here: AlbRegion, group: ServerGroup):
    group.check = CHECK | {"HealthCheckEnabled": False}
    hold(group, ONE)

    found = balancer(here, group).members()[ONE]

    assert (found.state, found.reason) == (MemberState.STARTING, "Unavailable")


def test_no_word_from_one_that_does_not_check_is_no_proof(here: AlbRegion, group: ServerGroup, monkeypatch):
    group.check = CHECK | {"HealthCheckEnabled": False}
    monkeypatch.setattr(here.cloud, "_word", lambda *_: "")
    hold(group, ONE)

    assert balancer(here, group).members()[ONE].state is MemberState.STARTING


def test_a_group_where_nothing_sends_is_failing_with_the_reason(here: AlbRegion, group: ServerGroup):
    here.cloud.add_alb("alb-1", AlbListener("lsn-80", "sgp-other"))
    hold(group, ONE)

    found = balancer(here, group).members()[ONE]

    assert found.state is MemberState.FAILING
    assert found.reason == f"no listener and no rule of alb-1 sends to {group.id}"


def test_a_rule_on_a_later_page_counts(here: AlbRegion, group: ServerGroup):
    here.cloud.page = 1
    here.cloud.add_group("sgp-first")
    here.cloud.add_alb("alb-1", AlbListener("lsn-80", "", ("sgp-first", "sgp-first", group.id)))
    here.cloud.odd.add(ONE.id)
    hold(group, ONE)
    hold(group, TWO, 0)

    found = balancer(here, group).members()

    assert [found[one].state for one in (ONE, TWO)] == [MemberState.UNKNOWN, MemberState.PARKED]


def test_a_change_returns_when_its_job_has_ended(here: AlbRegion, group: ServerGroup):
    here.cloud.busy = 0.3
    front = balancer(here, group)
    for change in (front.admit, front.park, front.admit):
        change([ONE])
        assert group.servers[ONE.id, PORT]["Status"] == "Available"
        assert group.servers[ONE.id, PORT]["Description"] == "shipway/entry"
    front.remove([ONE])

    assert group.servers == {}
    assert changes(here) == [
        "AddServersToServerGroup",
        *["UpdateServerGroupServersAttribute"] * 2,
        "RemoveServersFromServerGroup",
    ]


def test_many_go_in_one_job_after_the_other(here: AlbRegion, group: ServerGroup):
    """None is refused because the one before still runs; and the request fits although no URL is that long."""
    many = [Target(f"i-{number:04}", PORT) for number in range(95)]
    front = balancer(here, group)
    front.admit(many)
    front.park(many)

    assert len(front.members()) == 95
    assert {answer for _, answer in here.cloud.calls} == {"OK"}
    assert changes(here) == [
        *["AddServersToServerGroup"] * 3,
        *["UpdateServerGroupServersAttribute"] * 3,
    ]


def test_an_order_whose_answer_was_lost_is_one_order(here: AlbRegion, group: ServerGroup):
    """The list does not have it yet, so it is given again: by the same token, else it would be refused as a second one."""
    front = AlbWire(
        here.entry("entry", "alb-1", group.id),
        AliyunApi(of_balancer(here.entry("entry", "alb-1", group.id))),
        QUICK,
    )
    here.faults.add(Fault("AddServersToServerGroup", lost=True))

    with pytest.raises(Unreachable):
        front.add([ONE])
    front.add([ONE])
    with pytest.raises(Rejected, match=r"ResourceAlreadyExist\.Server"):
        front.add([ONE])


def test_one_that_leaves_slowly_is_not_told_twice(here: AlbRegion, group: ServerGroup):
    balancer(here, group).admit([ONE])
    front = AliyunAlb(here.entry("entry", "alb-1", group.id), ONCE)
    group.drain = 60.0

    for word in ("Removing", "draining"):
        with pytest.raises(Unreachable, match=f"i-0:8080 is {word}"):
            front.remove([ONE])
    assert front.members()[ONE].state is MemberState.DRAINING
    assert changes(here).count("RemoveServersFromServerGroup") == 1


@pytest.mark.parametrize(
    ("server", "kind"), [("i-1", "Ecs"), ("eni-1", "Eni"), ("eci-1", "Eci"), ("10.0.0.9", "Ip")]
)
def test_the_type_of_a_server_comes_from_its_id(here: AlbRegion, group: ServerGroup, server, kind):
    balancer(here, group).admit([Target(server, PORT)])

    row = group.servers[server, PORT]
    assert (row["ServerType"], row["ServerIp"]) == (kind, server if kind == "Ip" else "")


def test_one_that_a_person_adopted_is_ours(here: AlbRegion, group: ServerGroup):
    ours, theirs = balancer(here, group), balancer(here, group, "theirs")
    theirs.admit([ONE])
    with pytest.raises(
        Rejected, match=f"set the description of i-0 in server group {group.id} to shipway/entry"
    ):
        ours.park([ONE])
    group.servers[ONE.id, PORT]["Description"] = "shipway/entry"
    ours.park([ONE])

    assert ours.members()[ONE].weight == 0


def test_a_chain_parks_in_the_outermost_alone(here: AlbRegion, group: ServerGroup):
    inner = here.cloud.add_group(f"{group.id}-inner")
    parts = [balancer(here, group), balancer(here, inner)]
    chain = Chain(LoadBalancer("both", BalancerKind.CHAIN, of=("outer", "inner")), parts)
    chain.admit([ONE])
    chain.park([ONE])

    assert [one.servers[ONE.id, PORT]["Weight"] for one in (group, inner)] == [0, 100]


def test_a_group_that_does_not_exist_is_told(here: AlbRegion, group: ServerGroup):
    lost = AliyunAlb(here.entry("entry", "alb-1", "sgp-nope"), ONCE)

    with pytest.raises(
        Rejected, match=r"entry \(alb-1\): ListServerGroupServers: ResourceNotFound.ServerGroup"
    ):
        lost.members()
    with pytest.raises(Rejected, match=r"cn-hangzhou has no server group sgp-nope .* Correct `group`"):
        lost.capabilities()


@pytest.mark.parametrize(
    "code", ["IncorrectStatus.ServerGroup", "IncorrectStatus.serverGroup", "Conflict.Lock", "SystemBusy"]
)
def test_what_may_pass_is_unreachable(here: AlbRegion, group: ServerGroup, code):
    here.faults.add(Fault("AddServersToServerGroup", code))

    with pytest.raises(Unreachable, match=code):
        AliyunAlb(here.entry("entry", "alb-1", group.id), ONCE).admit([ONE])


def test_a_machine_that_is_stopped_is_refused_for_good(here: AlbRegion, group: ServerGroup):
    here.cloud.stopped.add("i-stopped")

    with pytest.raises(Rejected, match=r"IncorrectStatus\.Ecs"):
        balancer(here, group).admit([Target("i-stopped", PORT)])


def test_wrong_credentials_are_told_without_the_secret(here: AlbRegion, group: ServerGroup):
    entry = replace(here.entry("entry", "alb-1", group.id), secret_key=Secret("wrong-one"))

    with pytest.raises(Rejected, match="Correct its access key, or the rights of it") as caught:
        AliyunAlb(entry, ONCE).members()
    assert "wrong-one" not in str(caught.value)


def test_without_an_endpoint_the_region_is_asked():
    asked: list[str] = []

    class Api:
        def ask(self, host: str, version: str, action: str, path: str, **values: object) -> dict[str, object]:
            asked.append(f"{host} {version} {action}")
            return {}

    entry = LoadBalancer("entry", BalancerKind.ALIYUN_ALB, "alb-1", "sgp-1", "ap-southeast-1")
    AlbWire(entry, Api()).read()  # type: ignore[arg-type]  # as much of it as is asked

    assert asked[0] == "alb.ap-southeast-1.aliyuncs.com 2020-06-16 ListServerGroupServers"


def test_the_policy_of_the_docs_has_every_action_and_no_other():
    page = Path("docs/load-balancers.md").read_text(encoding="utf-8")

    assert set(re.findall(r'"alb:(\w+)"', page)) == {*READS, *CHANGES}
