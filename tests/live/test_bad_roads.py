"""Bad days on the road: a registry that is away, a proxy that refuses its configuration, pushes that overtake each other.

What hangs, floods or betrays secrets in builds and tests is met in `test_delivery`. One Shipway on one host; each test
begins with a release live.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.lab.commands import run as command
from tests.parts.house import House
from tests.parts.laboratory import Laboratory
from tests.parts.lasting import LoadOn, lasting
from tests.parts.lasting import name as name
from tests.parts.lasting import own_files as own_files
from tests.parts.lasting import shop as shop
from tests.parts.outages import registry_down
from tests.parts.pushes import (
    arrived,
    begun,
    deployment_of,
    in_phase,
    live_release,
    pushed,
    releases_on,
    signed,
    told,
    versions,
)
from tests.parts.repository import SampleRepository

pytestmark = pytest.mark.live
NEVER_WELL = {".shipway.yml": "run: {port: 8000}\nhealth: {path: /healthz, interval: 500ms, deadline: 4s}\n"}
REFUSE = """
set -e
mv /usr/sbin/haproxy /usr/sbin/haproxy.real
cat > /usr/sbin/haproxy <<'END'
#!/bin/sh
case " $* " in *" -c "*) echo "[ALERT] config : unknown keyword 'moon' in 'listen' section"; exit 1;; esac
exec /usr/sbin/haproxy.real "$@"
END
chmod +x /usr/sbin/haproxy
"""
RELENT = "mv /usr/sbin/haproxy.real /usr/sbin/haproxy"


@pytest.fixture(scope="module")
def house(lab: Laboratory, shop: SampleRepository) -> Iterator[House]:
    """Up, with a release live."""
    with lasting(lab, shop, lab.hosts[:1]) as made:
        yield made


@contextmanager
def refusing_proxy(house: House) -> Iterator[None]:
    """HAProxy serves on and can be told things, but its checker says no to every file."""
    host = house.lab.hosts[0]
    container = f"shipway-proxy-front-{house.service}-{host.name}"
    inside = ["docker", "-H", host.engine, "exec", "-u", "0", container, "sh", "-c"]
    command([*inside, REFUSE])
    try:
        yield
    finally:
        command([*inside, RELENT])


def test_a_publish_waits_for_a_registry_that_is_away_for_a_moment(
    house: House, shop: SampleRepository, load_on: LoadOn, name: str
) -> None:
    with load_on(house.fronts) as load:
        with registry_down(house.lab):
            run = begun(house, shop, name)
            house.until("it tries again", lambda: "Trying again in" in log_of(house, run), 60, house.log)
        assert house.finished_run(run)["status"] == "succeeded"
        counts = load.stop()

    assert house.lab.registry in log_of(house, run)
    assert counts.failed == 0, counts
    assert versions(house) == {name}


def log_of(house: House, run: int) -> str:
    return str(house.call("GET", f"/api/v1/runs/{run}/log")[1])


def test_going_back_by_hand_needs_no_registry(
    house: House, shop: SampleRepository, load_on: LoadOn, name: str
) -> None:
    before, number = versions(house), live_release(house)
    assert pushed(house, shop, name)["status"] == "succeeded"

    with registry_down(house.lab), load_on(house.fronts) as load:
        back = house.finished_deployment(house.post(f"{house.environment}/rollback")["deployment"])
        counts = load.stop()

    assert back["status"] == "succeeded", back
    assert live_release(house) == number
    assert counts.failed == 0, counts
    assert versions(house) == before


def test_a_release_that_fails_goes_back_without_a_registry(
    house: House, shop: SampleRepository, load_on: LoadOn, name: str
) -> None:
    before, number = versions(house), live_release(house)
    with load_on(house.fronts) as load:
        run = begun(house, shop, name, bad="health", **NEVER_WELL)
        in_phase(house, deployment_of(house, run), "checking")
        with registry_down(house.lab):
            bad = house.finished_run(run)
        counts = load.stop()

    for said in told(house, bad):
        assert "GET /healthz answered 503" in said
    assert house.get(f"/deployments/{bad['deployment']}")["status"] == "rolled_back"
    assert counts.failed == 0, counts
    assert versions(house) == before
    assert releases_on(house) == {str(number)}


def test_a_configuration_that_does_not_load_fails_the_deployment_in_the_checkers_words(
    house: House, shop: SampleRepository, load_on: LoadOn, name: str
) -> None:
    before, number = versions(house), live_release(house)
    with refusing_proxy(house), load_on(house.fronts) as load:
        run = pushed(house, shop, name)
        counts = load.stop()

    for said in told(house, run):
        assert "unknown keyword 'moon' in 'listen' section" in said
        assert "the old one serves on" in said
    assert house.get(f"/deployments/{run['deployment']}")["status"] == "failed"
    assert counts.failed == 0, counts
    assert versions(house) == before
    assert releases_on(house) == {str(number)}


def test_of_two_pushes_at_once_during_a_run_the_later_one_goes_live(
    house: House, shop: SampleRepository, name: str
) -> None:
    first = begun(house, shop, name)
    arrived(house, f"/runs/{first}", lambda run: run["status"] == "running", "runs")
    commits = {shop.commit(f"{name}-{twin}"): f"{name}-{twin}" for twin in ("left", "right")}
    shop.push()
    with ThreadPoolExecutor(2) as pool:
        deliveries = pool.map(
            lambda commit: house.call("POST", "/hooks/git", *signed(house, commit)), commits
        )
        earlier, later = sorted(answer["runs"][0] for _, answer in deliveries)

    winner = house.finished_run(later)
    assert winner["status"] == "succeeded", winner
    assert house.finished_run(earlier)["status"] == "superseded"
    assert house.finished_run(first)["status"] == "succeeded"
    assert versions(house) == {commits[winner["commit"]]}
    assert releases_on(house) == {str(winner["release"])}
