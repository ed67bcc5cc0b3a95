"""Bad days of hosts: a full disk, an engine that is away or goes away, ports that others hold, containers that die.

What serves goes on serving, and the run, the deployment and the log say what went wrong. One Shipway with a host of the
lab and a small one of our own; each test pushes the next version onto what the one before it left live.
"""

from collections.abc import Iterator

import pytest

from tests.parts.house import House
from tests.parts.laboratory import Laboratory
from tests.parts.lasting import LoadOn, lasting
from tests.parts.lasting import name as name
from tests.parts.lasting import own_files as own_files
from tests.parts.lasting import shop as shop
from tests.parts.outages import frozen
from tests.parts.pushes import (
    Facts,
    begun,
    deployment_of,
    in_phase,
    in_status,
    live_release,
    pushed,
    releases_on,
    told,
    versions,
)
from tests.parts.repository import SampleRepository
from tests.parts.small_host import SmallHost

pytestmark = pytest.mark.live
PORTS = range(21000, 21004)
SHORT = {".shipway.yml": "run: {port: 8000}\nhealth: {path: /healthz, interval: 200ms, deadline: 3s}\n"}
HUNGRY = {
    ".shipway.yml": "run: {port: 8000, memory: 24m, command: python3 /app/eats.py}\n",
    # a megabyte at a time: the engine misses what is killed in the first moments of its life
    "eats.py": "import time\neaten = []\nwhile True:\n    eaten.append(b'x' * (1 << 20))\n    time.sleep(0.05)\n",
}


@pytest.fixture(scope="module")
def small(lab: Laboratory) -> Iterator[SmallHost]:
    with SmallHost(lab) as made:
        yield made


@pytest.fixture(scope="module")
def house(lab: Laboratory, small: SmallHost, shop: SampleRepository) -> Iterator[House]:
    """Up, with a release live on both hosts."""
    with lasting(lab, shop, (lab.hosts[0], small.host), narrow) as made:
        yield made


def narrow(house: House) -> None:
    """Few ports and little patience with the small host, which has two environments of its own besides, one of them behind
    a proxy of its own."""
    house.config["hosts"]["small-1"]["ports"] = f"{PORTS[0]}-{PORTS[-1]}"
    house.production["rollout"]["unreachable_grace"] = "3s"
    alone = {"branches": ["edge"], "hosts": ["small-1"], "rollout": dict(house.production["rollout"])}
    front = house.config["proxies"][f"front-{house.service}"]
    house.config["proxies"][second(house)] = front | {"listen": house.listen + 1}
    behind = alone | {"branches": ["behind"], "proxy": second(house)}
    house.config["services"][house.service]["environments"] |= {"edge": alone, "behind": behind}


def second(house: House) -> str:
    """The proxy that no test brings up."""
    return f"second-{house.service}"


def test_a_full_disk_fails_the_preflight_and_says_how_much_is_free(
    house: House, shop: SampleRepository, small: SmallHost, load_on: LoadOn, name: str
) -> None:
    before = versions(house)
    with small.full(left=9), load_on(house.fronts) as load:
        run = pushed(house, shop, name)
        counts = load.stop()

    for said in told(house, run):
        assert "small-1, preflight: only 9 MiB of disk are free and 256 are needed: twice the 0.0" in said
    assert house.get(f"/deployments/{run['deployment']}")["status"] == "failed"
    assert counts.failed == 0, counts
    assert set(counts.versions) == versions(house) == before


def test_a_host_that_is_away_is_left_out_or_fails_the_rollout_and_catches_up_later(
    house: House, shop: SampleRepository, small: SmallHost, load_on: LoadOn, name: str
) -> None:
    small.end()
    try:
        with load_on(house.fronts[:1]) as load:
            affordable, too_many = begun(house, shop, name), begun(house, shop, name, branch="edge")
            run, failed = house.finished_run(affordable), house.finished_run(too_many)
            counts = load.stop()
    finally:
        small.start()

    for said in told(house, failed):
        assert "small-1, preflight: it does not answer" in said
        assert "no answer from the engine at tcp://" in said
        assert "too few hosts are left (nothing that serves was changed)" in said
    assert house.get(f"/deployments/{failed['deployment']}")["status"] == "failed"
    assert run["status"] == "succeeded", run
    left_out = house.get(f"/deployments/{run['deployment']}")["hosts"][1]
    assert left_out["phase"] == "skipped"
    assert "no answer from the engine at tcp://" in left_out["error"]
    assert counts.failed == 0, counts
    assert versions(house, house.fronts[0]) == {name}
    assert live_again(house)["status"] == "succeeded"
    assert versions(house) == {name}
    assert len(releases_on(house)) == 1


def live_again(house: House) -> Facts:
    """The live release once more, onto every host that does not have it."""
    asked = house.post(f"{house.environment}/deployments", {"release": live_release(house)})
    return house.finished_deployment(asked["deployment"])


def test_a_host_that_is_lost_in_the_rollout_sends_the_others_back_and_catches_up(
    house: House, shop: SampleRepository, small: SmallHost, load_on: LoadOn, name: str
) -> None:
    before = versions(house)
    with load_on(house.fronts) as load:
        run = begun(house, shop, name)
        deployment = deployment_of(house, run)
        in_phase(house, deployment, "checking", host="small-1")
        with frozen(small.pid):
            gone_back = in_status(house, deployment, "rolled_back")
            assert versions(house) == before
        counts = load.stop()

    for said in told(house, house.finished_run(run)):
        assert "small-1" in said
        assert "it was touched and then did not answer for 3 s" in said
    assert "Not restored, they do not answer: small-1; deploy again when they are back" in gone_back["error"]
    assert counts.failed == 0, counts
    assert live_again(house)["status"] == "succeeded"
    assert versions(house) == before
    assert len(releases_on(house)) == 1


def test_a_replica_takes_another_port_when_somebody_holds_the_first(
    house: House, shop: SampleRepository, small: SmallHost, name: str
) -> None:
    mine = port_on(house, small)
    free = max(port for port in PORTS if port != mine)

    with small.taken(*(set(PORTS) - {mine, free})):
        run = pushed(house, shop, name)

    assert run["status"] == "succeeded", run
    assert port_on(house, small) == free


def port_on(house: House, small: SmallHost) -> int:
    """Of the one replica that runs there."""
    (replica,) = house.lab.containers(small.host.engine, service=house.service)
    return int(replica["Labels"]["shipway.port"])


def test_no_port_left_is_said_and_the_release_goes_back(
    house: House, shop: SampleRepository, small: SmallHost, load_on: LoadOn, name: str
) -> None:
    before = versions(house)
    others = set(PORTS) - {port_on(house, small)}
    with small.taken(*others), load_on(house.fronts) as load:
        run = pushed(house, shop, name, **SHORT)
        counts = load.stop()

    for said in told(house, run):
        assert "Host small-1: no free port for" in said
        assert "widen hosts.small-1.ports" in said
    assert counts.failed == 0, counts
    assert versions(house) == before
    assert len(releases_on(house)) == 1


def test_a_proxy_port_that_is_taken_fails_the_first_deploy_before_anything_starts(
    house: House, shop: SampleRepository, small: SmallHost, name: str
) -> None:
    with small.taken(house.listen + 1):
        run = house.finished_run(begun(house, shop, name, branch="behind"))

    for said in told(house, run):
        assert f"set proxies.{second(house)}.listen" in said
    assert "nothing that serves was changed" in run["error"]
    assert house.lab.containers(small.host.engine, service=house.service, environment="behind") == []
    assert house.lab.containers(small.host.engine, proxy=second(house)) == []


@pytest.mark.parametrize(
    ("bad", "files", "reason", "words"),
    [
        ("crash", {}, "exited with code 1", "crash: asked to end at start"),
        ("health", SHORT, "answered 503", "listens on"),
        ("", HUNGRY, "exited with code 137 (out of memory)", ""),
    ],
    ids=["exits at once", "never healthy", "eats memory"],
)
def test_a_container_that_cannot_live_is_explained_and_meets_no_user(
    bad: str,
    files: dict[str, str],
    reason: str,
    words: str,
    house: House,
    shop: SampleRepository,
    load_on: LoadOn,
    name: str,
) -> None:
    before, live = versions(house), live_release(house)
    with load_on(house.fronts) as load:
        run = pushed(house, shop, name, bad, **files)
        counts = load.stop()

    for said in told(house, run):
        assert f"replica 0 of release {run['release']}" in said
        assert reason in said
    deployment = house.get(f"/deployments/{run['deployment']}")
    assert deployment["status"] == "rolled_back"
    assert words in "".join(event["text"] for event in deployment["events"] if event["kind"] == "log")
    assert counts.failed == 0, counts
    assert set(counts.versions) == before
    assert releases_on(house) == {str(live)}
