"""The project's own image: built from this checkout, it runs without root and with nothing to write but its data."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from tests.parts.laboratory import Laboratory

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
NAME = "shipway-image-test"
SOON = 500_000_000  # nanoseconds
FILE = {"server": {"listen": "0.0.0.0:8080", "data": "/data"}, "services": {}}


@pytest.fixture(scope="module")
def engine(lab: Laboratory) -> Iterator[docker.DockerClient]:
    client = docker.DockerClient(base_url=lab.builder, timeout=500)
    yield client
    client.close()


@pytest.fixture(scope="module")
def image(engine: docker.DockerClient) -> Iterator[str]:
    base = {"BASE": "python:3.11-slim", "PACKAGES": "", "EXTRAS": "valkey"}  # the lab's base has no apt
    engine.images.build(path=str(ROOT), tag=NAME, buildargs=base, rm=True, forcerm=True)
    yield NAME
    engine.images.remove(NAME, force=True)


@pytest.fixture
def container(engine: docker.DockerClient, image: str) -> Iterator[Container]:
    write_and_start = f"echo '{json.dumps(FILE)}' >/data/it.yml; exec shipway up"
    made = engine.containers.create(
        image,
        read_only=True,
        tmpfs={"/tmp": ""},
        environment={"SHIPWAY_CONFIG": "/data/it.yml"},
        entrypoint=["sh", "-c", write_and_start],
        healthcheck={"interval": SOON},  # asked as the image says, but sooner
    )
    made.start()
    yield made
    made.remove(force=True, v=True)


def healthy(container: Container) -> str:
    """The container's state of health after at most two minutes."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        container.reload()
        status: str = container.attrs["State"].get("Health", {}).get("Status", "none")
        if status == "healthy":
            return status
        time.sleep(0.5)
    return f"{status}: {container.logs().decode()}"


def test_it_gets_healthy_as_nobody_with_a_read_only_root(container: Container):
    assert healthy(container) == "healthy"
    assert container.exec_run(["id", "-u"]).output.strip() == b"10001"
    assert container.exec_run(["touch", "/opt/shipway/x"]).exit_code != 0


def test_it_ends_within_ten_seconds_of_sigterm(container: Container):
    assert healthy(container) == "healthy"

    container.stop(timeout=10)
    container.reload()

    assert container.attrs["State"]["ExitCode"] == 0


def test_nothing_of_the_checkout_but_the_tool_is_in_it(engine: docker.DockerClient, image: str):
    found = engine.containers.run(
        image, ["-c", "ls /src /root /opt/shipway/bin; true"], entrypoint="sh", remove=True
    )

    assert b"tests" not in found
    assert b"shipway" in found
