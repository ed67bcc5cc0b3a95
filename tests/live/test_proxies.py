"""HAProxy and nginx as containers on a host: routed, switched under load, refused, killed, healed.

Each test has proxies of its own, and adopts the replicas of the one before it. SHIPWAY_SWEEP=full: 40 switches under load.
"""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from itertools import count

import pytest

from pipeline.errors import ConfigRefused, PortTaken, Rejected, RunnerError
from pipeline.fleet.proxy import Proxy, SiteSeen
from runners.exchange import knock
from runners.proxies import haproxy, nginx
from runners.proxies.values import checked
from tests.load.session import Load, standard
from tests.parts.fleet import Fleet, ask, until
from tests.parts.held import HeldRequest
from tests.parts.laboratory import Laboratory

pytestmark = pytest.mark.live
KINDS = ["haproxy", "nginx"]
AND_OLD = pytest.mark.parametrize(
    "proxy", [*KINDS, "haproxy_old"], indirect=True
)  # what depends on its version
SWITCHES = 40 if os.environ.get("SHIPWAY_SWEEP") == "full" else 12
RATE = 200.0  # so that a switch of a tenth of a second meets some requests
MET = 500  # requests at least, whether the machine is fast or slow


@pytest.fixture(scope="module")
def lasting_fleet(lab: Laboratory) -> Iterator[Fleet]:
    made = Fleet(lab)
    yield made
    made.close()


@pytest.fixture
def fleet(lasting_fleet: Fleet) -> Fleet:
    lasting_fleet.renew()
    return lasting_fleet


@pytest.fixture(params=KINDS)
def proxy(request: pytest.FixtureRequest, fleet: Fleet) -> Proxy:
    return fleet.front(request.param)


def front(fleet: Fleet, proxy: Proxy) -> str:
    return f"{fleet.host.address}:{proxy.listen}"


def serve(
    fleet: Fleet, proxy: Proxy, generation: int, ready: Sequence[str], drain: Sequence[str] = ()
) -> SiteSeen:
    fleet.proxies.serve(proxy, fleet.host, fleet.wanted(proxy, generation, ready, drain))
    return fleet.proxies.seen(proxy, fleet.host)


@AND_OLD
def test_requests_go_where_their_host_name_says(fleet: Fleet, proxy: Proxy):
    first, second = fleet.up(1, 1), fleet.up(2, 1)
    wanted = fleet.wanted(proxy, 1, first, domain="shop.example.com")
    wanted = fleet.also(wanted, "blog", second, "blog.example.com")
    wanted = fleet.also(wanted, "empty", [], "empty.example.com")
    fleet.proxies.check(proxy, fleet.host, wanted)
    assert not fleet.proxies.seen(proxy, fleet.host).running

    fleet.proxies.serve(proxy, fleet.host, wanted)

    at = front(fleet, proxy)
    assert ask(at, host="shop.example.com") == (200, "version 1\n")
    assert ask(at, host="BLOG.example.com:80") == (200, "version 2\n")
    assert ask(at, host="empty.example.com")[0] == 503
    status, said = ask(at, host="nobody.example.com")
    assert (status, "No service is routed" in said) == (404, True)
    seen = fleet.proxies.seen(proxy, fleet.host)
    assert (seen.generation, seen.error) == (1, "")
    assert seen.serves(first[0])
    assert seen.serves(second[0])


@AND_OLD
def test_switches_under_load_fail_no_request(fleet: Fleet, proxy: Proxy):
    first, second = fleet.up(1), fleet.up(2)
    serve(fleet, proxy, 1, first)
    with Load(standard([front(fleet, proxy)], rate=RATE)) as load:
        begun = time.monotonic()
        for number in count():
            if number >= SWITCHES and time.monotonic() - begun > 2 * MET / RATE:
                break
            new, old = (second, first) if number % 2 == 0 else (first, second)
            seen = serve(fleet, proxy, number + 2, new, old)
            assert seen.generation == number + 2
            assert all(seen.serves(address) for address in new)
            assert not any(seen.serves(address) for address in old)
        counts = load.stop()

    assert counts.failed == 0, str(counts) + str(counts.first_failures)
    assert counts.sent > MET


def test_old_replicas_that_drop_all_when_stopped_are_idle_by_then(fleet: Fleet, proxy: Proxy):
    old = fleet.up(11, bad="abrupt")
    serve(fleet, proxy, 11, old)
    with Load(standard([front(fleet, proxy)])) as load:
        for release in range(12, 15):
            new = fleet.up(release, bad="abrupt")
            serve(fleet, proxy, release, new, old)
            assert until(lambda: all(fleet.proxies.seen(proxy, fleet.host).idle(a) for a in old), 30)  # noqa: B023
            serve(fleet, proxy, release, new)
            fleet.down(release - 1)
            old = new
        counts = load.stop()

    assert counts.failed == 0, str(counts) + str(counts.first_failures)


def test_drain_waits_for_the_longest_request(fleet: Fleet, proxy: Proxy):
    old, new = fleet.up(1, 1), fleet.up(2, 1)
    serve(fleet, proxy, 1, old)
    with HeldRequest(front(fleet, proxy)) as slow:
        seen = serve(fleet, proxy, 2, new, old)
        assert not seen.idle(old[0])
        assert ask(front(fleet, proxy)) == (200, "version 2\n")
        assert slow.version == "1"
        assert not fleet.proxies.seen(proxy, fleet.host).idle(old[0])
        assert slow.goes_on()

    assert until(lambda: fleet.proxies.seen(proxy, fleet.host).idle(old[0]))


@AND_OLD
def test_request_kept_by_a_process_of_an_earlier_file_counts(fleet: Fleet, proxy: Proxy):
    """A reload in between must not hide what the old process still has to do."""
    old, new = fleet.up(1, 1), fleet.up(2, 1)
    serve(fleet, proxy, 1, old)
    with HeldRequest(front(fleet, proxy)) as slow:
        more = fleet.also(fleet.wanted(proxy, 2, old), "blog", old, "blog.example.com")
        fleet.proxies.serve(proxy, fleet.host, more)  # another shape: a reload
        fleet.proxies.serve(
            proxy, fleet.host, fleet.also(fleet.wanted(proxy, 3, new, old), "blog", new, "blog.example.com")
        )
        assert not fleet.proxies.seen(proxy, fleet.host).idle(old[0])
        assert slow.version == "1"
        assert slow.goes_on()

    assert until(lambda: fleet.proxies.seen(proxy, fleet.host).idle(old[0]))


def test_file_that_does_not_load_leaves_the_one_that_serves(fleet: Fleet, proxy: Proxy):
    old = fleet.up(1, 1)
    serve(fleet, proxy, 1, old)
    container = fleet.proxies._container(proxy, fleet.host, fleet.reach.client(fleet.host))

    with pytest.raises(ConfigRefused, match="nonsense"):
        container.accept("# shipway-generation-2\nnonsense here;\n")
    with pytest.raises(ConfigRefused, match="nonsense"):
        container.attempt("# shipway-generation-2\nnonsense here;\n")
    with pytest.raises(ConfigRefused, match="nonsense"):
        container.rehearse("# shipway-generation-2\nnonsense here;\n")

    fleet.reach.client(fleet.host).restart(fleet.container(proxy), timeout=1)
    assert until(lambda: fleet.proxies.seen(proxy, fleet.host).serves(old[0]))
    assert ask(front(fleet, proxy))[0] == 200


@AND_OLD
def test_reload_that_is_ignored_is_noticed_and_taken_back(fleet: Fleet, proxy: Proxy, monkeypatch):
    """The process that would forward the signal sleeps: the file is right, the signal is sent, nothing happens."""
    monkeypatch.setattr(haproxy, "_PROOF", 2.0)
    monkeypatch.setattr(nginx, "_PROOF", 2.0)
    old, new = fleet.up(1, 1), fleet.up(2, 1)
    serve(fleet, proxy, 1, old)
    client = fleet.reach.client(fleet.host)
    client.kill(fleet.container(proxy), "SIGSTOP")
    try:
        wanted = fleet.wanted(proxy, 2, new, domain="shop.example.com")
        with pytest.raises(ConfigRefused, match="reload was ignored"):
            fleet.proxies.serve(proxy, fleet.host, wanted)
    finally:
        client.kill(fleet.container(proxy), "SIGCONT")

    assert ask(front(fleet, proxy)) == (200, "version 1\n")
    assert until(lambda: fleet.proxies.seen(proxy, fleet.host).generation == 1)
    client.restart(fleet.container(proxy), timeout=1)
    assert until(lambda: fleet.proxies.seen(proxy, fleet.host).generation == 1)
    assert ask(front(fleet, proxy)) == (200, "version 1\n")


def test_death_between_the_file_and_its_load_heals(fleet: Fleet, proxy: Proxy):
    old, new = fleet.up(1, 1), fleet.up(2, 1)
    serve(fleet, proxy, 1, old)
    wanted = checked(fleet.wanted(proxy, 2, new, old))
    container = fleet.proxies._container(proxy, fleet.host, fleet.reach.client(fleet.host))
    kind = haproxy if proxy.kind == "haproxy" else nginx
    container.accept(kind.text_for(container, wanted, True))

    assert fleet.proxies.seen(proxy, fleet.host).generation == 1
    seen = serve(fleet, proxy, 2, new, old)

    assert seen.generation == 2
    assert ask(front(fleet, proxy)) == (200, "version 2\n")


def test_proxy_that_was_killed_or_removed_serves_again(fleet: Fleet, proxy: Proxy):
    old = fleet.up(1, 1)
    serve(fleet, proxy, 1, old)
    client = fleet.reach.client(fleet.host)

    client.kill(fleet.container(proxy))
    assert until(lambda: not fleet.proxies.seen(proxy, fleet.host).running)
    assert serve(fleet, proxy, 2, old).generation == 2
    client.remove_container(fleet.container(proxy), force=True)
    assert not fleet.proxies.seen(proxy, fleet.host).running
    assert serve(fleet, proxy, 2, old).generation == 2

    assert ask(front(fleet, proxy)) == (200, "version 1\n")


def test_same_wish_twice_changes_nothing(fleet: Fleet, proxy: Proxy):
    old = fleet.up(1, 1)
    serve(fleet, proxy, 1, old)
    before = fleet.proxies._container(proxy, fleet.host, fleet.reach.client(fleet.host)).processes()
    serve(fleet, proxy, 1, old)
    after = fleet.proxies._container(proxy, fleet.host, fleet.reach.client(fleet.host)).processes()

    assert {pid for pid, name in before.items() if proxy.kind.value in name} <= set(after)


def test_control_ports_are_closed_to_everybody_outside(fleet: Fleet, proxy: Proxy):
    serve(fleet, proxy, 1, fleet.up(1, 1))
    other = fleet.front("haproxy")
    serve(fleet, other, 1, fleet.up(1, 1))
    client = fleet.reach.client(fleet.host)
    ip = client.inspect_container(fleet.container(proxy))["NetworkSettings"]["IPAddress"]

    assert not knock(fleet.reach.lines, client, fleet.host, fleet.container(other), f"{ip}:8080", 3).error
    for port in (haproxy.MASTER, nginx.CONTROL):
        assert knock(fleet.reach.lines, client, fleet.host, fleet.container(other), f"{ip}:{port}", 3).error


def test_port_that_another_program_holds_is_said(fleet: Fleet):
    first, second = fleet.front("haproxy"), fleet.front("nginx")
    serve(fleet, first, 1, fleet.up(1, 1))
    clash = Proxy(second.name, second.kind, second.image, first.listen)

    with pytest.raises(PortTaken, match=rf"proxies\.{second.name}\.listen"):
        fleet.proxies.serve(clash, fleet.host, fleet.wanted(second, 1, []))


def test_port_that_another_program_holds_is_found_before_the_first_start(fleet: Fleet):
    first, second = fleet.front("haproxy"), fleet.front("nginx")
    serve(fleet, first, 1, fleet.up(1, 1))
    clash = Proxy(second.name, second.kind, second.image, first.listen)

    with pytest.raises(Rejected, match=rf"proxies\.{second.name}\.listen"):
        fleet.proxies.check(clash, fleet.host, fleet.wanted(second, 1, []))

    fleet.proxies.check(second, fleet.host, fleet.wanted(second, 1, []))


def test_old_nginx_works_without_kept_connections_and_says_so(fleet: Fleet, caplog: pytest.LogCaptureFixture):
    proxy = fleet.front("nginx_old")
    first, second = fleet.up(1, 1), fleet.up(2, 1)
    with caplog.at_level(logging.WARNING):
        serve(fleet, proxy, 1, first)
        with Load(standard([front(fleet, proxy)])) as load:
            for number in range(6):
                serve(fleet, proxy, number + 2, (second, first)[number % 2])
            counts = load.stop()

    assert counts.failed == 0, str(counts)
    assert [r.message for r in caplog.records if "1.27.4" in r.message][1:] == []
    assert "1.27.4" in caplog.text


def test_site_that_cannot_be_read_says_why(fleet: Fleet):
    proxy = fleet.front("haproxy")
    serve(fleet, proxy, 1, fleet.up(1, 1))
    client = fleet.reach.client(fleet.host)
    client.pause(fleet.container(proxy))
    try:
        seen = fleet.proxies.seen(proxy, fleet.host)
    finally:
        client.unpause(fleet.container(proxy))

    assert not seen.idle("10.0.0.1:1")
    assert seen.error or not seen.running


def test_image_that_is_no_proxy_is_refused(fleet: Fleet):
    proxy = fleet.front("haproxy")
    wrong = Proxy(proxy.name, proxy.kind, fleet.lab.images["busybox"], proxy.listen)

    with pytest.raises(RunnerError, match="haproxy"):
        fleet.proxies.serve(wrong, fleet.host, fleet.wanted(proxy, 1, []))
