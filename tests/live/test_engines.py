"""Replicas on a real engine. The contract that stand-ins share is in tests/contracts/test_engines.py."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest

from pipeline.errors import PortTaken, Rejected, StageFailed, Unreachable
from pipeline.fleet.host import RegistryAccess
from pipeline.rollout.observed import ReplicaState
from pipeline.secret import Secret
from runners.engine import DockerEngines
from runners.engines.once import make
from tests.parts.fleet import Fleet, ask, wait_for
from tests.parts.laboratory import Laboratory

pytestmark = pytest.mark.live
NOWHERE = "127.0.0.1:1/nobody/app@sha256:" + "0" * 64


@pytest.fixture
def fleet(lab: Laboratory) -> Iterator[Fleet]:
    made = Fleet(lab)
    yield made
    made.close()


def test_replica_has_its_environment_secrets_and_limits(fleet: Fleet):
    plan = fleet.plan(release=3, command=("sh", "-c", "env; sleep 60"))
    spec = replace(plan.spec, memory=64 << 20, cpus=0.5, secrets={"DB_URL": Secret("postgres://x")})
    fleet.engines.start(fleet.host, replace(plan, spec=spec, commit="c0ffee"))

    seen = fleet.look().replicas[0]
    found = fleet.reach.client(fleet.host).inspect_container(seen.container)
    env, config = found["Config"]["Env"], found["HostConfig"]
    assert {"DB_URL=postgres://x", "PORT=8000", "SHIPWAY_RELEASE=3", "SHIPWAY_COMMIT=c0ffee"} <= set(env)
    assert (config["Memory"], config["NanoCpus"]) == (64 << 20, 500_000_000)
    assert config["SecurityOpt"] == ["no-new-privileges"]
    assert config["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
    assert not seen.restart_always


def test_replicas_started_at_once_get_ports_of_their_own(fleet: Fleet):
    plans = [fleet.plan(index=index) for index in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda plan: fleet.engines.start(fleet.host, plan), plans))

    addresses = [replica.address for replica in fleet.look().replicas]
    assert len(set(addresses)) == 4
    for address in addresses:
        wait_for(address)


def test_port_that_is_taken_is_passed_over_until_none_is_left(fleet: Fleet):
    low = fleet.host.ports[0]
    fleet.host = replace(fleet.host, ports=(low, low + 1))
    fleet.up(1, replicas=2)

    with pytest.raises(PortTaken, match=r"hosts\..*\.ports"):
        fleet.engines.start(fleet.host, fleet.plan(index=2))

    assert len(fleet.look().replicas) == 2


@pytest.mark.parametrize("command", [("/no/such/program",), ("/etc/passwd",)])
def test_image_that_cannot_be_started_is_its_own_fault(fleet: Fleet, command):
    """Told by the engine at once when our look is late enough, else by the exit code of the init inside."""
    with suppress(StageFailed):
        fleet.engines.start(fleet.host, fleet.plan(command=command))
    deadline = time.monotonic() + 10
    while any(r.state is ReplicaState.RUNNING for r in fleet.look().replicas) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert {replica.exit_code for replica in fleet.look().replicas} <= {126, 127}


def test_too_little_memory_is_said_in_the_engines_words(fleet: Fleet):
    plan = fleet.plan()

    with pytest.raises(StageFailed, match=r"(?i)memory limit"):
        fleet.engines.start(fleet.host, replace(plan, spec=replace(plan.spec, memory=1000)))


def test_container_of_the_same_name_that_is_not_ours_is_left_alone(fleet: Fleet):
    plan = fleet.plan()
    name = f"shipway-{plan.service}-{plan.environment}-r1-{fleet.host.name}-0"
    client = fleet.reach.client(fleet.host)
    made = client.create_container(plan.image, ["sleep", "60"], name=name)["Id"]
    try:
        with pytest.raises(Rejected, match="did not make"):
            fleet.engines.start(fleet.host, plan)
        with pytest.raises(Rejected, match="left alone"):
            fleet.engines.retire(fleet.host, made, 1)

        assert client.inspect_container(made)["State"]["Status"] == "created"
    finally:
        client.remove_container(made, force=True)


def test_missing_image_is_rejected_and_a_dead_registry_is_not(fleet: Fleet):
    here = fleet.image("busybox").partition("@")[0]
    access = RegistryAccess(fleet.lab.registry)

    with pytest.raises(Rejected, match="not found"):
        fleet.engines.pull(fleet.host, f"{here}@sha256:{'1' * 64}", access)
    with pytest.raises(Unreachable, match="registry runs"):
        fleet.engines.pull(fleet.host, NOWHERE, access)
    with pytest.raises(Rejected, match="Pull it first"):
        fleet.engines.start(fleet.host, replace(fleet.plan(), image=NOWHERE))


def test_two_host_entries_on_one_engine_do_not_see_each_other(fleet: Fleet):
    fleet.up(1, replicas=1)
    other = replace(fleet.host, name="other")

    assert fleet.engines.look(other, fleet.service, "production").replicas == ()
    assert len(fleet.look().replicas) == 1


def test_stop_waits_for_what_the_replica_is_doing(fleet: Fleet):
    address = fleet.up(1, replicas=1)[0]
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ask, address, "/slow?s=2")
        ask(address)
        fleet.down(1)

        assert slow.result()[0] == 200
    assert fleet.look().replicas == ()


def test_replica_that_ignores_sigterm_is_killed_after_its_time(fleet: Fleet):
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    fleet.engines.start(fleet.host, fleet.plan(command=["python3", "-c", deaf]))
    (replica,) = fleet.look().replicas
    while "deaf" not in fleet.engines.logs(fleet.host, replica.container):
        time.sleep(0.05)
    began = time.monotonic()

    fleet.engines.retire(fleet.host, replica.container, 1)

    assert time.monotonic() - began >= 1
    assert fleet.look().replicas == ()


def test_command_that_does_not_end_is_stopped_and_removed(fleet: Fleet):
    with pytest.raises(StageFailed, match=r"did not end within 1 s.*began"):
        fleet.engines.once(fleet.host, fleet.plan(), ["sh", "-c", "echo began; sleep 60"], 1)

    label = {"label": f"shipway.service={fleet.service}"}
    assert fleet.reach.client(fleet.host).containers(all=True, filters=label) == []


def test_command_left_by_a_dead_worker_is_taken_over_not_run_twice(fleet: Fleet):
    plan = fleet.plan()
    make(fleet.reach.client(fleet.host), fleet.host, plan, ["sh", "-c", "echo first; sleep 1; exit 4"], "")

    code, said = fleet.engines.once(fleet.host, plan, ["echo", "second"], 20)

    assert (code, said.strip()) == (4, "first")


def test_prune_keeps_what_is_named_and_what_runs(fleet: Fleet):
    """Under a repository of this test's own, so that no other test loses an image."""
    client = fleet.reach.client(fleet.host)
    base = fleet.image("busybox")
    repository = f"{fleet.lab.registry}/{fleet.service}"
    digests = []
    for number in range(3):
        made = client.create_container(base, ["true"])["Id"]
        client.commit(made, repository, str(number), changes=f"LABEL n={number}")
        client.remove_container(made)
        list(client.push(repository, str(number), stream=True))
        digests += client.inspect_image(f"{repository}:{number}")["RepoDigests"]
    running = client.create_container(digests[1], ["sleep", "60"])["Id"]
    try:
        fleet.engines.prune(fleet.host, fleet.service, [digests[0]])

        left = {name for name in fleet.look().images if name.startswith(f"{repository}@")}
        assert left == {digests[0], digests[1]}
    finally:
        client.remove_container(running, force=True)
        client.remove_image(digests[1], force=True)
        client.remove_image(digests[0], force=True)
    assert base in fleet.engines.look(fleet.host, "busybox", "production").images


def test_boot_is_the_same_from_look_to_look(fleet: Fleet):
    first, second = fleet.look(), fleet.look()

    assert first.boot == second.boot != ""
    assert abs(first.clock_skew or 0) < 2


def test_free_disk_is_known_where_a_proxy_runs(fleet: Fleet):
    proxy = fleet.front("haproxy")
    fleet.proxies.serve(proxy, fleet.host, fleet.wanted(proxy, 1, []))

    found = DockerEngines(fleet.reach).look(fleet.host, fleet.service, "production").free_bytes

    assert found is not None
    assert 1 << 20 < found < 1 << 50
