"""An engine starts again what ran: replicas that need a moment, and a proxy that is there before them. Nobody of ours helps."""

import http.client
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from pipeline.fleet.proxy import Proxy
from pipeline.rollout.observed import ReplicaSeen
from tests.parts.fleet import RUN_APP, Fleet, ask, until, wait_for
from tests.parts.laboratory import Laboratory

pytestmark = pytest.mark.live
LATE = f"import time; time.sleep(5); {RUN_APP}"
MUTE = f"""
import pathlib, socket, time
again = pathlib.Path("/tmp/again")
mute = again.exists()
again.touch()
with socket.create_server(("", 8000)) as door:
    while mute and not pathlib.Path("/tmp/speak").exists():
        line = door.accept()[0]
        time.sleep(1)
        line.close()
{RUN_APP}
"""  # started again it takes a connection and hangs up on it a second later, until it is told to speak
# answers at once the first time; later not before it is told to (`Front.come`)
TOLD = f"""
import os, time
while os.path.exists("/tmp/been") and not os.path.exists("/tmp/come"): time.sleep(0.05)
if os.path.exists("/tmp/come"): os.remove("/tmp/come")
open("/tmp/been", "w").close()
{RUN_APP}
"""
HAPROXY = pytest.mark.parametrize("proxy", ["haproxy", "haproxy_old"], indirect=True)
EVERY = pytest.mark.parametrize("proxy", ["haproxy", "haproxy_old", "nginx", "nginx_old"], indirect=True)


@dataclass
class Front:
    """A proxy before replicas that their engine may restart."""

    fleet: Fleet
    proxy: Proxy
    replicas: list[ReplicaSeen] = field(default_factory=list)

    @property
    def at(self) -> str:
        return f"{self.fleet.host.address}:{self.proxy.listen}"

    def up(self, *programs: str, bad: str = "") -> list[str]:
        """One replica a program."""
        release = len(self.replicas) + 1
        for index, program in enumerate(programs):
            plan = self.fleet.plan(release, index, bad, ("python3", "-c", program))
            self.fleet.engines.start(self.fleet.host, plan)
        made = [r for r in self.fleet.look().replicas if r.release == release]
        for replica in made:
            assert until(lambda at=replica.address: not refused(at))  # type: ignore[misc]
            self.fleet.engines.keep(self.fleet.host, replica.container)
        self.replicas += made
        return [r.address for r in made]

    def serve(self, generation: int, ready: Sequence[str], also: Sequence[str] = ()) -> None:
        wanted = self.fleet.wanted(self.proxy, generation, ready)
        wanted = self.fleet.also(wanted, "blog", also, "blog.example.com") if also else wanted
        self.fleet.proxies.serve(self.proxy, self.fleet.host, wanted)

    def held(self, address: str) -> bool:
        return self.fleet.proxies.seen(self.proxy, self.fleet.host).holds(address)

    def come(self, replica: ReplicaSeen) -> None:
        """It answers from now on."""
        client = self.fleet.reach.client(self.fleet.host)
        client.exec_start(client.exec_create(replica.container, ["touch", "/tmp/come"])["Id"])
        wait_for(replica.address)

    def speak(self, replica: ReplicaSeen) -> None:
        client = self.fleet.reach.client(self.fleet.host)
        client.exec_start(client.exec_create(replica.container, ["touch", "/tmp/speak"])["Id"])

    def restart(self, *replicas: ReplicaSeen) -> None:
        """As an engine does after kill -9: all end, all begin, and nothing waits for anything."""
        client = self.fleet.reach.client(self.fleet.host)
        names = [*(r.container for r in replicas), self.fleet.container(self.proxy)]
        for name in names:
            client.kill(name)
        assert until(lambda: not any(client.inspect_container(n)["State"]["Running"] for n in names))
        for name in names:
            client.start(name)


@pytest.fixture
def fleet(lab: Laboratory) -> Iterator[Fleet]:
    made = Fleet(lab)
    yield made
    made.close()


@pytest.fixture
def proxy(request: pytest.FixtureRequest, fleet: Fleet) -> Proxy:
    return fleet.front(request.param)


@pytest.fixture
def front(fleet: Fleet, proxy: Proxy) -> Front:
    return Front(fleet, proxy)


def refused(address: str) -> bool:
    try:
        return ask(address, "/healthz")[0] == 0
    except OSError:
        return True


def post(at: str) -> int:
    line = http.client.HTTPConnection(at, timeout=10)
    try:
        line.request("POST", "/", b"order", {"Host": "app"})
        return line.getresponse().status
    finally:
        line.close()


def answers(front: Front, over: Callable[[], object]) -> set[int]:
    """What users who ask for a page get as soon as the proxy is there, until this is over and for a second more."""
    met: set[int] = set()
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(over)
        end = math.inf
        while time.monotonic() < end:
            if done.done() and end == math.inf:
                end = time.monotonic() + 1
            with suppress(OSError):  # nobody listens yet
                met.add(ask(front.at)[0])
        done.result()
    return met


@EVERY
def test_users_are_sent_to_the_replica_that_answers(front: Front):
    addresses = front.up(RUN_APP, TOLD)
    front.serve(1, addresses)
    late = front.replicas[1]

    def comes_late() -> None:
        assert until(lambda: not refused(front.at))
        time.sleep(2)  # in which users ask, and it does not answer
        front.come(late)

    for _ in range(2):
        front.restart(late)
        assert answers(front, comes_late) == {200}


@HAPROXY
def test_a_replica_that_does_not_answer_yet_is_held_back_and_comes_by_itself(front: Front):
    well, late = front.up(RUN_APP, TOLD)
    front.serve(1, [well, late])
    assert not front.held(late)

    for _ in range(2):
        front.restart(front.replicas[1])
        assert until(lambda: front.held(late), 20)
        assert {post(front.at) for _ in range(20)} == {
            200
        }  # what must not be sent twice goes to no wrong place
        front.come(front.replicas[1])
        assert until(lambda: not front.held(late), 20)
    assert not front.held(well)


@HAPROXY
def test_where_none_answers_yet_the_proxy_says_so(front: Front):
    (late,) = front.up(TOLD)
    front.serve(1, [late])
    front.restart(front.replicas[0])
    assert until(lambda: front.held(late), 20)

    assert post(front.at) == 503
    front.come(front.replicas[0])
    assert until(lambda: not refused(front.at) and post(front.at) == 200, 20)


@HAPROXY
def test_another_route_that_changes_meanwhile_lets_no_held_replica_in(front: Front):
    well, late = front.up(RUN_APP, LATE)
    front.serve(1, [well, late])
    front.restart(front.replicas[1])
    assert until(lambda: front.held(late), 20)

    front.serve(2, [well, late], also=[well])  # a reload: all are asked anew

    assert {post(front.at) for _ in range(20)} == {200}


@HAPROXY
def test_a_held_replica_gets_nothing_from_the_next_process_before_that_has_asked_it(front: Front):
    well, mute = front.up(RUN_APP, MUTE)
    front.serve(1, [well, mute])
    front.restart(front.replicas[1])
    assert until(lambda: front.held(mute), 20)

    front.serve(2, [well, mute], also=[well])

    assert front.held(mute)
    assert {post(front.at) for _ in range(20)} == {200}
    front.speak(front.replicas[1])
    assert until(lambda: not front.held(mute), 20)
    assert {post(front.at) for _ in range(20)} == {200}


@HAPROXY
def test_whom_shipway_admitted_stays_through_a_reload_whatever_it_answers(front: Front):
    (well,), (sick,) = front.up(RUN_APP), front.up(RUN_APP, bad="health")
    front.serve(1, [well])
    front.serve(2, [sick])
    assert ask(front.at) == (200, "version 2\n")

    front.serve(3, [sick], also=[sick])

    assert until(lambda: not front.held(sick), 20)
    time.sleep(1)  # checks that must change nothing
    assert {ask(front.at)[0] for _ in range(20)} == {200}


@HAPROXY
def test_a_replica_that_nobody_can_connect_to_is_left_alone_until_it_answers(front: Front):
    well, gone = front.up(RUN_APP, RUN_APP)
    front.serve(1, [well, gone])
    client = front.fleet.reach.client(front.fleet.host)
    client.stop(front.replicas[1].container, timeout=2)

    assert {ask(front.at)[0] for _ in range(60)} == {200}
    assert front.held(gone)
    client.start(front.replicas[1].container)

    assert until(lambda: not front.held(gone), 20)
    assert {post(front.at) for _ in range(20)} == {200}
