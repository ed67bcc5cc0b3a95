"""The lab keeps what it promises, so that a failing live test is about Shipway."""

import http.client

import pytest

from tests.lab import engine
from tests.parts.laboratory import Laboratory

pytestmark = pytest.mark.live


def test_every_host_answers(lab: Laboratory):
    for host in lab.hosts:
        assert lab.containers(host.engine, service="nobody") == []


def test_the_registry_has_every_base_image(lab: Laboratory):
    for name in lab.images.values():
        repository, tag = name.removeprefix(f"{lab.registry}/").rsplit(":", 1)
        connection = http.client.HTTPConnection(lab.registry, timeout=10)
        kind = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
        connection.request("HEAD", f"/v2/{repository}/manifests/{tag}", headers=kind)
        status = connection.getresponse().status
        connection.close()

        assert status == 200, name


def test_a_host_pulls_and_starts_a_base_image(lab: Laboratory):
    sock = lab.hosts[0].keys.get("socket") or lab.builder.removeprefix("unix://")  # a shared engine has one
    engine.pull(sock, lab.images["busybox"], "lab-test:1")

    assert engine.call(sock, "DELETE", "/images/lab-test:1")[0] == 200
