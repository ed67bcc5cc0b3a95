"""`gitlab_runners` of shipway.yml: what is understood, and what is told when it is wrong."""

import pytest

from pipeline.errors import BadConfig
from pipeline.fleet.gitlab_runners import Executor, RunnerScope
from pipeline.settings import Settings
from pipeline.settings_file import all_secrets, parse_settings

HOSTS = """
hosts:
  web-1: {engine: "tcp://10.0.0.11:2375", labels: {role: ci}}
  web-2: {engine: "tcp://10.0.0.12:2375", labels: {role: ci}}
"""
NEEDED = (
    "url: https://gitlab.example.com/, token: glpat-hush, hosts: {role: ci}, "
    "runner_image: gitlab/gitlab-runner:v18.5.0"
)


def parse(lines: str, needed: str = NEEDED) -> Settings:
    text = f"{HOSTS}gitlab_runners:\n  ci: {{{needed}{', ' if lines else ''}{lines}}}\n"
    return parse_settings(text, {}, lambda path: "", "/etc/shipway")


def test_a_fleet_is_understood():
    settings = parse(
        "scope: project, id: 42, tags: [docker, arm], concurrent: 4, memory: 2g, stop_timeout: 30m"
    )

    fleet = settings.gitlab_runners["ci"]
    assert [host.name for host in fleet.hosts] == ["web-1", "web-2"]
    assert (fleet.url, fleet.scope, fleet.id) == ("https://gitlab.example.com", RunnerScope.PROJECT, 42)
    assert (fleet.tags, fleet.concurrent, fleet.memory) == (("docker", "arm"), 4, 2 << 30)
    assert (fleet.stop_timeout, fleet.executor, fleet.volumes) == (1800.0, Executor.DOCKER, ("/cache",))


def test_an_authority_is_found_beside_the_file():
    assert parse("tags: [a], ca: tls/ca.pem").gitlab_runners["ci"].ca == "/etc/shipway/tls/ca.pem"


def test_its_token_is_masked_and_does_not_print():
    settings = parse("run_untagged: true")

    assert "glpat-hush" in all_secrets(settings)
    assert "glpat-hush" not in repr(settings)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("", "gitlab_runners.ci.tags: is empty and run_untagged is false: no job would ever come"),
        (
            "tags: [a], scope: group",
            "gitlab_runners.ci.id: is missing; GitLab shows it on the page of the group",
        ),
        ("tags: [a], id: 7", "gitlab_runners.ci.id: is only for scope group and project"),
        ("tags: [a], locked: true", "gitlab_runners.ci.locked: is only for scope project"),
        ("tags: [a], executor: shell, image: x:1", "gitlab_runners.ci.image: is only for executor docker"),
        ("tags: [a], executor: ssh", "gitlab_runners.ci.executor"),
        ("tags: ['a,b']", "is not a tag"),
        ("tags: [a], volumes: [cache]", "'cache' is not a volume; write /cache"),
        ("tags: [a], socket: docker.sock", "is not the path of a socket"),
        ("tags: [a], output_limit: 10", "gitlab_runners.ci.output_limit: is too small"),
        ("tags: [a], concurent: 2", "concurrent"),
    ],
)
def test_a_fault_is_told_in_words(lines: str, fault: str):
    with pytest.raises(BadConfig) as caught:
        parse(lines)

    assert fault in str(caught.value)


@pytest.mark.parametrize(
    "image", ["gitlab/gitlab-runner", "gitlab/gitlab-runner:latest", "r.local:5000/runner"]
)
def test_an_image_that_is_not_pinned_is_told(image: str):
    with pytest.raises(BadConfig, match="runner_image: is not pinned"):
        parse("tags: [a]", NEEDED.replace("gitlab/gitlab-runner:v18.5.0", f'"{image}"'))


@pytest.mark.parametrize("image", ["r.local:5000/runner:v1", "gitlab/gitlab-runner@sha256:" + "a" * 64])
def test_a_version_or_a_digest_pins(image: str):
    assert parse("tags: [a]", NEEDED.replace("gitlab/gitlab-runner:v18.5.0", f'"{image}"')).gitlab_runners


def test_hosts_that_are_not_there_are_told():
    with pytest.raises(BadConfig) as caught:
        parse("tags: [a]", NEEDED.replace("{role: ci}", "[web-3]"))

    assert "gitlab_runners.ci.hosts" in str(caught.value)
    assert "there is no host 'web-3'" in str(caught.value)
