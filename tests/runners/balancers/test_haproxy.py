"""An HAProxy that a team runs: what its lines mean, what it refuses, and that nothing slips into its command line."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import BadConfig, Rejected, Unreachable
from pipeline.fleet.balancer import BalancerKind, LoadBalancer, MemberState, Target
from runners.balancers import haproxy
from runners.balancers.haproxy import Haproxy
from runners.haproxy_runtime import ask
from runners.patience import Patience
from tests.parts.balancers import proxy_grounds
from tests.parts.balancers.ground import Ground

ONCE = Patience(deadline=0.0)
HEAD = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
HEAD += "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state "
HEAD += "srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port"
ENTRY = LoadBalancer("entry", BalancerKind.HAPROXY, "web", endpoint="unix:///nowhere")


def line(
    operation: int = 2, admin: int = 0, result: int = 3, name: str = "shipway-entry-1", fqdn: str = "-"
) -> str:
    return f"2 web 1 {name} 10.0.0.1 {operation} {admin} 1 1 9 6 {result} 3 6 0 0 0 {fqdn} 80"


def read(monkeypatch: pytest.MonkeyPatch, text: str, sessions: int = 0) -> dict[Target, object]:
    stat = f"# pxname,svname,scur,check_rise,\nweb,shipway-entry-1,{sessions},2,\nold,shipway-entry-1,9,2,\n"
    answers = {"show servers state web": f"{HEAD}\n{text}", "show stat -1 4 -1": stat}
    monkeypatch.setattr(haproxy, "ask", lambda endpoint, commands: [answers[one] for one in commands])
    return Haproxy(ENTRY, ONCE).members()


@pytest.mark.parametrize(
    ("operation", "admin", "result", "sessions", "state"),
    [
        (2, 0, 3, 4, MemberState.SERVING),
        (1, 0, 3, 0, MemberState.SERVING),  # slow start
        (0, 0, 2, 0, MemberState.FAILING),
        (0, 0, 3, 0, MemberState.STARTING),  # down, and its last check passed
        (0, 0, 0, 0, MemberState.STARTING),
        (3, 0, 3, 0, MemberState.UNKNOWN),
        (2, 0x08, 3, 1, MemberState.DRAINING),
        (2, 0x08, 3, 0, MemberState.PARKED),
        (0, 0x10, 2, 0, MemberState.PARKED),
        (0, 0x01, 0, 0, MemberState.PARKED),
        (0, 0x20, 0, 2, MemberState.DRAINING),
    ],
)
def test_a_line_is_a_state(monkeypatch, operation, admin, result, sessions, state):
    member = read(monkeypatch, line(operation, admin, result), sessions)[Target("10.0.0.1", 80)]

    assert (member.state, member.ours) == (state, True)


@pytest.mark.parametrize("name", ["web-1", "shipway-other-1", "shipway-entry"])
def test_a_name_without_our_mark_is_somebody_elses(monkeypatch, name):
    assert not read(monkeypatch, line(name=name))[Target("10.0.0.1", 80)].ours


def test_a_server_that_was_named_is_known_by_its_name(monkeypatch):
    assert list(read(monkeypatch, line(fqdn="web-1.internal"))) == [Target("web-1.internal", 80)]


@pytest.mark.parametrize("text", ["10.0.0.1 maint; shutdown", "a\nb", "", "a b"])
def test_nothing_but_an_address_gets_into_a_command(text):
    with pytest.raises(Rejected, match="is no address; correct `instance` of its host"):
        Haproxy(ENTRY, ONCE).admit([Target(text, 80)])


def test_silence_is_unreachable_and_says_what_is_needed(tmp_path: Path):
    with pytest.raises(Unreachable, match=r"does not answer: .*`stats socket … level admin`"):
        ask(f"unix://{tmp_path}/none", ["show stat"])


def test_one_that_hangs_is_unreachable(monkeypatch):
    monkeypatch.setattr("runners.haproxy_runtime._TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(Unreachable, match="timed out"):
        ask(f"tcp://127.0.0.1:{server.getsockname()[1]}", ["show stat"])


def test_an_endpoint_of_another_kind_is_told():
    with pytest.raises(BadConfig, match=r"write unix:///path or tcp://host:port"):
        ask("https://x", ["show stat"])


@pytest.fixture
def ground() -> Iterator[Ground]:
    with proxy_grounds.haproxy() as made:
        yield made


@pytest.mark.live
def test_a_backend_that_does_not_exist_is_told(ground: Ground):
    with pytest.raises(Rejected, match=r"Can't find backend.* Correct `id`"):
        Haproxy(replace(ground.entry, id="nope"), ONCE).members()


@pytest.mark.live
def test_one_that_was_replaced_while_it_drained_gets_requests_after_a_new_check_only(ground: Ground):
    first = ground.targets[0]
    backend = ground.backends[first]
    assert backend
    ground.balancer.park([first])
    backend.stop()
    ground.balancer.admit([first])

    assert ground.state(first) in (MemberState.STARTING, MemberState.FAILING)
    backend.start()
    ground.serving([first])
