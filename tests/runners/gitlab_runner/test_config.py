"""config.toml: what GitLab Runner reads is what shipway.yml says, whatever is written there."""

import tomllib
from dataclasses import replace
from typing import Any

import pytest

from pipeline.fleet.gitlab_runners import Executor, RunnerFleet, RunnerScope
from pipeline.fleet.host import Host
from pipeline.gitlab_runner.runner import Record, Slot
from pipeline.secret import Secret
from runners.gitlab_runner.config import config_toml

HOST = Host("web-1", "tcp://10.0.0.11:2375", "10.0.0.11")
FLEET = RunnerFleet(
    name="ci",
    url="https://gitlab.example.com",
    token=Secret("glpat-hush"),
    hosts=(HOST,),
    runner_image="gitlab/gitlab-runner:v18.5.0",
    concurrent=4,
    image="registry.local/ci/debian:12",
    helper_image="registry.local/helper:x86_64-v18.5.0",
    memory=2 << 30,
    cpus=1.5,
    volumes=("/cache", "/srv/data:/data:ro"),
    output_limit=8 << 20,
)
RECORD = Record(
    slot=Slot("ci", "web-1", 1),
    host=HOST,
    url="https://gitlab.example.com",
    scope=RunnerScope.PROJECT,
    scope_id=42,
    description="shipway here ci/web-1/1 000000000001",
    system_id="r_000000000001",
    stop_timeout=3600.0,
    runner=7,
    token=Secret("glrt-hush"),
)


def read(fleet: RunnerFleet = FLEET, record: Record = RECORD) -> dict[str, Any]:
    return tomllib.loads(config_toml(fleet, record))


def test_a_docker_runner_is_all_there():
    config = read()

    (runner,) = config.pop("runners")
    docker = runner.pop("docker")
    assert config == {"concurrent": 4, "check_interval": 3, "log_level": "info"}
    assert runner == {
        "name": "ci/web-1/1",
        "url": "https://gitlab.example.com",
        "id": 7,
        "token": "glrt-hush",
        "executor": "docker",
        "limit": 4,
        "request_concurrency": 4,
        "output_limit": 8192,
    }
    assert docker == {
        "image": "registry.local/ci/debian:12",
        "helper_image": "registry.local/helper:x86_64-v18.5.0",
        "privileged": False,
        "pull_policy": ["if-not-present"],
        "volumes": ["/cache", "/srv/data:/data:ro"],
        "memory": "2147483648b",
        "cpus": "1.5",
    }


def test_a_shell_runner_has_no_docker_section():
    (runner,) = read(replace(FLEET, executor=Executor.SHELL))["runners"]

    assert runner["executor"] == "shell"
    assert "docker" not in runner


def test_a_private_authority_is_named_where_it_lies_in_the_container():
    (runner,) = read(replace(FLEET, ca="/etc/shipway/ca.pem"))["runners"]

    assert runner["tls-ca-file"] == "/etc/gitlab-runner/ca.crt"


def test_what_is_not_set_is_left_to_the_runner():
    bare = replace(FLEET, memory=0, cpus=0.0, helper_image="", volumes=())

    (runner,) = read(bare)["runners"]

    assert runner["docker"].keys() == {"image", "privileged", "pull_policy", "volumes"}


@pytest.mark.parametrize(
    "hostile",
    [
        '"\n[[runners]]\ntoken = "mine',
        "a\\",
        '\\"',
        "tab\there",
        "del\x7f",
        "bell\x07",
        "line\r\nbreak",
        "'''",
        '"""',
        "{{ 7 * 7 }}",
        "{% raw %}",
        "# no comment",
        "\u2028 \u0085 \u202e",
        "雪 😀",
    ],
)
def test_no_value_can_end_its_string(hostile: str):
    fleet = replace(FLEET, image=hostile, volumes=(hostile, "/b"), helper_image=f"x{hostile}")

    (runner,) = read(fleet, replace(RECORD, token=Secret(hostile), url=hostile))["runners"]

    assert (runner["token"], runner["url"]) == (hostile, hostile)
    assert runner["docker"]["image"] == hostile
    assert runner["docker"]["volumes"] == [hostile, "/b"]
    assert runner["docker"]["helper_image"] == f"x{hostile}"
