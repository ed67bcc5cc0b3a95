"""Engines are reached by mutual TLS and by ssh as by plain tcp, and by nothing else that pretends to be them."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import Rejected, Unreachable
from pipeline.fleet.host import Host
from runners.reach import Reach
from tests.parts.fleet import host_of
from tests.parts.laboratory import Laboratory
from tests.parts.needed import needed

pytestmark = pytest.mark.live


@pytest.fixture
def tls_host(lab: Laboratory) -> Host:
    return host_of(needed(lab.tls, "tls"))


@pytest.fixture
def ssh_host(lab: Laboratory) -> Host:
    return host_of(needed(lab.ssh, "ssh"))


@pytest.fixture
def reach():
    made = Reach()
    yield made
    made.close()


def test_tls_engine_answers_to_our_certificate(reach: Reach, tls_host: Host, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/ssl/certs/ca-certificates.crt")

    assert reach.client(tls_host).ping()


def test_tls_engine_refuses_who_has_no_certificate_of_its_authority(reach: Reach, tls_host: Host):
    stranger = replace(tls_host, tls=None, engine=tls_host.engine)

    with pytest.raises((Rejected, Unreachable)):
        reach.client(stranger)


def test_ssh_engine_answers_through_one_kept_forward(reach: Reach, ssh_host: Host):
    client = reach.client(ssh_host)
    client.ping()
    started = time.monotonic()
    for _ in range(20):
        client.ping()

    assert (time.monotonic() - started) / 20 < 0.1  # ssh:// of the SDK takes 0.3 s and more a call


def test_ssh_forward_that_died_is_made_again(reach: Reach, ssh_host: Host):
    reach.client(ssh_host).ping()
    tunnel = reach._tunnels[ssh_host.engine]
    assert tunnel._process is not None
    tunnel._process.kill()
    tunnel._process.wait()

    assert reach.client(ssh_host).ping()


def test_closing_ends_the_forward(reach: Reach, ssh_host: Host):
    reach.client(ssh_host).ping()
    tunnel = reach._tunnels[ssh_host.engine]
    process = tunnel._process
    reach.close()

    assert process is not None
    assert process.poll() is not None
    assert not Path(tunnel._folder).exists()


def test_unknown_ssh_host_key_is_refused_with_what_to_do(reach: Reach, ssh_host: Host, tmp_path: Path):
    empty = tmp_path / "known_hosts"
    empty.touch()
    stranger = replace(ssh_host, ssh=replace(ssh_host.ssh, known_hosts=str(empty)))

    with pytest.raises(Rejected, match="known_hosts"):
        reach.client(stranger)


def test_engine_that_is_not_there_is_named_within_its_patience(reach: Reach, lab: Laboratory):
    address = lab.hosts[0].address
    started = time.monotonic()
    with pytest.raises(Unreachable, match="web-9"):
        reach.client(Host("web-9", f"tcp://{address}:2399", address))

    assert time.monotonic() - started < 6
