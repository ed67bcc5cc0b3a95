"""The probe inside real proxies, and the engine's own word on health. The contract is in tests/contracts/test_probe.py."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from pipeline.rollout.release import HealthCheck, HealthKind
from runners.probe import ReplicaProbe
from tests.parts.fleet import Fleet
from tests.parts.laboratory import Laboratory

pytestmark = pytest.mark.live
CHECK = HealthCheck(HealthKind.HTTP, path="/healthz", timeout=1.0)


@pytest.fixture
def fleet(lab: Laboratory) -> Iterator[Fleet]:
    made = Fleet(lab)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("bad", "note"),
    [
        ("health", "GET /healthz answered 503 'unwell'"),
        ("hangs", "GET /healthz: no answer within 1 s"),
    ],
)
def test_bad_replica_is_told_in_words_from_inside_the_proxy(fleet: Fleet, bad: str, note: str):
    proxy = fleet.front("haproxy")
    fleet.proxies.serve(proxy, fleet.host, fleet.wanted(proxy, 1, []))
    fleet.engines.start(fleet.host, fleet.plan(bad=bad))
    replica = fleet.look().replicas[0]
    probe = ReplicaProbe(fleet.reach)
    for _ in range(50):
        found = probe.sample(fleet.host, (proxy, fleet.host), replica.container, replica.address, CHECK)
        if found.note == note:
            break

    assert (found.ok, found.note) == (False, note)


def test_healthy_replica_whose_pages_fail_is_caught_by_smoke(fleet: Fleet):
    proxy = fleet.front("nginx")
    fleet.proxies.serve(proxy, fleet.host, fleet.wanted(proxy, 1, []))
    address = fleet.up(1, 1, bad="500")[0]
    probe = ReplicaProbe(fleet.reach)
    site = (proxy, fleet.host)

    assert probe.sample(fleet.host, site, "c", address, CHECK).ok
    found = probe.smoke(fleet.host, site, "c", address, replace(CHECK, smoke=("/healthz", "/")))
    assert (found.ok, found.note) == (False, "GET / answered 500 'version 1'")


def test_image_without_a_health_check_of_its_own_is_said(fleet: Fleet):
    fleet.up(1, 1)
    replica = fleet.look().replicas[0]
    check = replace(CHECK, kind=HealthKind.IMAGE)
    found = ReplicaProbe(fleet.reach).sample(fleet.host, None, replica.container, replica.address, check)

    assert (found.ok, "has no HEALTHCHECK" in found.note) == (False, True)


def test_health_is_the_engines_own_word_when_the_image_has_a_check(fleet: Fleet):
    client = fleet.reach.client(fleet.host)
    base = fleet.plan().image
    made = client.create_container(
        base,
        ["sleep", "60"],
        healthcheck={"test": ["CMD-SHELL", "echo all is well"], "interval": 200_000_000, "retries": 1},
        labels={"shipway.service": fleet.service},
    )["Id"]
    client.start(made)
    probe = ReplicaProbe(fleet.reach)
    check = replace(CHECK, kind=HealthKind.IMAGE)
    for _ in range(2000):
        found = probe.sample(fleet.host, None, made, "10.0.0.1:1", check)
        if found.ok:
            break

    assert found.note == "HEALTHCHECK says healthy 'all is well'"
