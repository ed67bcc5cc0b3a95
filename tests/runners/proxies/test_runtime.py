"""What HAProxy says, read; what it must be told, computed. No HAProxy needed."""

from typing import Any

import pytest

from pipeline.fleet.proxy import Backend, BackendState, Route, Site
from runners.proxies.runtime import (
    Marker,
    Slot,
    Worker,
    change,
    old_pids,
    read_marker,
    read_slots,
    seen,
    trusted,
)

SITE = Site("front", "web-1")
A, B, C, D = (f"10.0.0.1:2000{number}" for number in range(4))


def route(ready=(), drain=()) -> Route:
    backends = [Backend(address, "web-1", 1) for address in ready]
    backends += [Backend(address, "web-1", 1, BackendState.DRAIN) for address in drain]
    return Route(SITE, "shop", "production", "", tuple(backends))


def slot(name: str, address: str = "0.0.0.0:1", status: str = "MAINT", **counts: Any) -> Slot:
    return Slot("shop_production", name, address, status, **counts)


def worker(*slots: Slot, **bases: tuple[int, int]) -> Worker:
    known = {f"shop_production/{name}": counts for name, counts in bases.items()}
    return Worker(slots, Marker(1, "abc", known))


def test_marker_survives_its_trip_through_the_process():
    marker = Marker(12, "abc123", {"shop_production/s3": (120, 4)})

    assert read_marker(f"\nproc.shipway: type=str value=<{marker.text()}>\n") == marker


def test_foreign_process_has_no_marker():
    assert read_marker("proc.shipway: not found") == Marker()
    assert read_marker("proc.shipway: type=str value=<rubbish>").generation == 0


def test_servers_are_read_from_the_middle_of_an_answer():
    text = (
        "#<PID> <type>\n1 master\n\n# pxname,svname,scur,status,hrsp_2xx,hrsp_4xx,hrsp_5xx,econ,eresp,rtime,addr,\n"
        "public,FRONTEND,3,OPEN,9,0,0,,,,,\nshop_production,s1,2,no check,5,1,1,0,0,12,10.0.0.1:20000,\n"
        "shop_production,BACKEND,2,UP,5,1,1,0,0,12,,\n\nproc.shipway: type=str value=<1:x>\n"
    )

    assert read_slots(text) == (slot("s1", A, "no check", sessions=2, requests=7, errors=1, mean=0.012),)
    assert read_slots("Can't find the target PID") == ()


@pytest.mark.parametrize("tries", [57, 12])  # HAProxy 3.2 counts each try of a request, 2.6 its last one
def test_requests_that_a_server_left_unanswered_are_its_errors_once_each(tries):
    text = (
        "# pxname,svname,scur,status,hrsp_2xx,hrsp_5xx,econ,eresp,rtime,addr,\n"
        "shop_production,s1,0,no check,12,0,0,0,1,10.0.0.1:20000,\n"
        f"shop_production,s2,0,no check,0,0,0,{tries},0,10.0.0.1:20001,\n"
        "shop_production,BACKEND,0,UP,12,12,0,0,1,,\n\n"
    )

    well, cut = read_slots(text)

    assert (well.requests, well.errors) == (12, 0)
    assert (cut.requests, cut.errors, cut.mean) == (12, 12, None)


def test_tries_that_another_server_made_good_are_nobodys_errors():
    text = (
        "# pxname,svname,scur,status,hrsp_2xx,hrsp_5xx,econ,eresp,rtime,addr,\n"
        "shop_production,s1,0,no check,12,0,3,2,1,10.0.0.1:20000,\n"
        "shop_production,BACKEND,0,UP,12,0,3,2,1,,\n\n"
    )

    assert read_slots(text)[0].errors == 0


def test_means_of_a_slot_are_its_present_replicas_once_the_earlier_one_is_out_of_them():
    early, late = (slot("s1", A, "no check", requests=n, mean=0.5) for n in (1900, 1924))

    assert seen(worker(early, s1=(900, 0)), ())[0].mean is None
    assert seen(worker(late, s1=(900, 0)), ())[0].mean == 0.5
    assert seen(worker(early), ())[0].mean == 0.5


def test_old_processes_are_listed_under_their_title_only():
    text = (
        "#<PID> <type> <reloads>\n1 master 2\n# workers\n90 worker 0\n"
        "# old workers\n70 worker 1 0d 3.2\n80 worker 2 0d 3.2\n# programs\n"
    )

    assert old_pids(text) == (70, 80)
    assert old_pids("# workers\n90 worker 0\n") == ()


def test_new_replica_is_ready_before_the_old_one_drains():
    now = worker(slot("s1", A, "no check"), slot("s2"))

    found = change(now, (route([B], [A]),))

    assert found.fits
    assert found.commands == (
        "set server shop_production/s2 addr 10.0.0.1 port 20001",
        "set server shop_production/s2 state ready",
        "set server shop_production/s2 health up",
        "set server shop_production/s1 state drain",
    )


def test_nothing_is_said_when_all_is_as_wanted():
    assert (
        change(worker(slot("s1", A, "no check"), slot("s2", B, "DRAIN")), (route([A], [B]),)).commands == ()
    )


def test_replica_that_comes_back_while_it_drains_is_made_ready_in_its_own_slot():
    found = change(worker(slot("s1", A, "DRAIN", sessions=3)), (route([A]),))

    assert found.commands == (
        "set server shop_production/s1 state ready",
        "set server shop_production/s1 health up",
    )


def test_replica_that_haproxy_holds_back_is_not_forced_on_users():
    now = worker(slot("s1", A, "DOWN"), slot("s2", B, "UP"))

    assert change(now, (route([A, B]),)).commands == ()
    assert [(b.address, b.state, b.held) for b in seen(now, ())] == [
        (A, BackendState.READY, True),
        (B, BackendState.READY, False),
    ]


def test_replica_that_haproxy_holds_back_can_leave():
    found = change(worker(slot("s1", A, "DOWN 1/2"), slot("s2", B, "UP")), (route([B]),))

    assert found.commands == (
        "set server shop_production/s1 state drain",
        "set server shop_production/s1 health up",
    )


def test_reload_leaves_every_replica_what_it_had():
    before = worker(slot("s1", A, "UP"), slot("s2", B, "DOWN"))
    fresh = worker(slot("s1", A, "DOWN"), slot("s2", B, "DOWN"), slot("s3", C, "UP"), slot("s4"))

    assert trusted(fresh, (route([A, B, C]),), before) == (
        "set server shop_production/s1 health up",
        "set server shop_production/s3 health up",
    )


def test_address_that_is_no_longer_named_drains():
    found = change(worker(slot("s1", A, "no check"), slot("s2", B, "no check")), (route([B]),))

    assert found.commands == ("set server shop_production/s1 state drain",)


def test_drained_slot_is_taken_only_when_nobody_is_in_it():
    busy = worker(slot("s1", A, "DRAIN", sessions=1))
    idle = worker(slot("s1", A, "DRAIN"))

    assert not change(busy, (route([B]),)).fits
    assert change(idle, (route([B]),)).commands[0] == "set server shop_production/s1 state maint"


def test_slots_never_used_come_first():
    found = change(worker(slot("s1", A, "MAINT", requests=9), slot("s2")), (route([B]),))

    assert found.commands[0].startswith("set server shop_production/s2 addr")


def test_counters_begin_at_zero_for_a_new_replica_in_an_old_slot():
    now = worker(slot("s1", A, "MAINT", requests=90, errors=4))
    bases = change(now, (route([B]),)).bases
    later = Worker((slot("s1", B, "no check", requests=95, errors=4),), Marker(2, "abc", bases))

    backend = seen(later, ())[0]

    assert (backend.address, backend.requests, backend.errors) == (B, 5, 0)


def test_bases_of_free_slots_are_forgotten():
    now = worker(
        slot("s1", A, "no check", requests=9), slot("s2", "0.0.0.0:1", "MAINT"), s1=(3, 0), s2=(7, 1)
    )

    assert change(now, (route([A]),)).bases == {"shop_production/s1": (3, 0)}


def test_backend_that_the_process_does_not_know_does_not_fit():
    assert not change(worker(), (route([A]),)).fits


def test_sessions_of_all_processes_count_together():
    current = worker(slot("s1", A, "DRAIN", sessions=1), slot("s2", B, "no check"))
    old = Worker((slot("s1", A, "DRAIN", sessions=2), slot("s3", C, "MAINT")), pid=70)

    found = {backend.address: backend for backend in seen(current, (old,))}

    assert found[A].sessions == 3
    assert found[A].state is BackendState.DRAIN
    assert C not in found


def test_old_process_that_still_serves_an_address_keeps_it_ready():
    current = worker(slot("s1", A, "DRAIN"))
    old = Worker((slot("s1", A, "no check"),), pid=70)

    assert seen(current, (old,))[0].state is BackendState.READY
