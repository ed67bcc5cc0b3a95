"""The lab keeps what it promises, so that a failing live test is about Shipway."""

import http.client
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.lab import engine, network, spare
from tests.lab.commands import run
from tests.lab.layout import Machine
from tests.parts.laboratory import Laboratory
from tests.parts.needed import own_network

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


def test_a_machine_that_is_made_again_is_reached_at_once_by_who_knew_the_one_before(lab: Laboratory):
    found = own_network(lab)
    again = replace(
        spare.machine_of(found, "again"), link=f"sl{found.tag}again", address=str(found.subnet[171])
    )
    neighbour = next(one for one in found.machines if one.kind == "plain")
    try:
        for _ in range(2):
            network.plug(found, again)
            assert "refused" in knocked(neighbour, again.address)  # somebody is there, and listens to nobody
            run(["ip", "netns", "del", again.namespace])
    finally:
        run(["ip", "netns", "del", again.namespace], check=False)


def knocked(machine: Machine, address: str) -> str:
    """What one hears who calls there from the machine, within two seconds."""
    call = f"import socket; socket.create_connection(('{address}', 9), 2)"
    words = ["ip", "netns", "exec", machine.namespace, sys.executable, "-c", call]
    return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False).stderr
