"""Which port, which settings, whose fault. No engine needed."""

import docker.errors
import pytest
import requests

from pipeline.errors import PortTaken, StageFailed, Unreachable
from pipeline.fleet.host import Host
from pipeline.rollout.release import ReplicaPlan, RuntimeSpec
from pipeline.secret import Secret
from runners.engines.start import blame, candidates, container_settings

HOST = Host("web-1", "tcp://10.0.0.1:2375", "10.0.0.1")


def plan(**spec) -> ReplicaPlan:
    return ReplicaPlan("shop", "production", 7, "r/shop@sha256:1", RuntimeSpec(**spec), 3, 0, "c0ffee")


def failed(status: int, text: str) -> docker.errors.APIError:
    response = requests.Response()
    response.status_code = status
    return docker.errors.APIError("", response=response, explanation=text)


def test_ports_go_round_the_range_and_pass_over_what_is_taken():
    assert candidates((20000, 20004), {20003}, 2) == [20002, 20004, 20000, 20001]
    assert candidates((20000, 20004), set(), 12)[0] == 20002
    assert candidates((20000, 20001), {20000, 20001}, 0) == []


def test_next_deployment_does_not_take_the_port_just_freed():
    first, second = (candidates((20000, 29999), set(), deployment * 16)[0] for deployment in (1, 2))

    assert first != second


def test_secrets_win_over_env_and_ours_over_both():
    settings = container_settings(
        plan(env={"A": "plain", "SHIPWAY_RELEASE": "99"}, secrets={"A": Secret("hidden")}, port=9000)
    )

    env = settings["environment"]
    assert (env["A"], env["SHIPWAY_RELEASE"], env["PORT"]) == ("hidden", "7", "9000")
    assert env["SHIPWAY_COMMIT"] == "c0ffee"


def test_limits_stand_only_where_they_are_set():
    assert "mem_limit" not in container_settings(plan())["host_config"]
    limited = container_settings(plan(memory=1 << 28, cpus=1.5))["host_config"]
    assert (limited["mem_limit"], limited["memswap_limit"], limited["nano_cpus"]) == (
        1 << 28,
        1 << 28,
        1_500_000_000,
    )


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (400, 'OCI runtime create failed: exec: "nope": executable file not found in $PATH', StageFailed),
        (500, "standard_init_linux.go: exec user process caused: exec format error", StageFailed),
        (400, "No command specified", StageFailed),
        (500, "Bind for 10.0.0.1:20000 failed: port is already allocated", PortTaken),
        (500, "cgroup: device or resource busy", Unreachable),
    ],
)
def test_only_what_is_the_images_own_fault_blames_the_release(status: int, text: str, kind: type[Exception]):
    assert type(blame(HOST, plan(), "start it", failed(status, text))) is kind
