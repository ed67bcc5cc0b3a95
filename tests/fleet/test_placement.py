"""Which hosts an environment runs on."""

import pytest

from pipeline.fleet.placement import Candidate, Placed, Wish, place, used

GIB = 1 << 30


def hosts(placed: tuple[Placed, ...]) -> list[str]:
    return [p.host for p in placed if p.replicas]


def test_every_host_that_is_fit_has_its_share_by_default():
    found = place([Candidate("a"), Candidate("b", unfit="it is drained"), Candidate("c")], Wish(2))
    assert [(p.host, p.replicas) for p in found] == [("a", 2), ("c", 2), ("b", 0)]
    assert found[-1].why == "it is drained"
    assert used(found) == 2


def test_hosts_that_are_left_come_last_and_know_what_they_had():
    found = place([Candidate("a", now=3, moved="out"), Candidate("b", moved="in")], Wish(3))
    assert [(p.host, p.replicas, p.before) for p in found] == [("b", 3, 0), ("a", 0, 3)]
    assert [p.why for p in found] == ["it was moved here", "it was moved away from here"]


HZ1, HZ2, SH1, SH2 = (Candidate(name, region=name[:2]) for name in ("hz-1", "hz-2", "sh-1", "sh-2"))


@pytest.mark.parametrize(
    ("candidates", "wanted", "expected"),
    [
        ([HZ1, HZ2, SH1, SH2], 2, ["hz-1", "sh-1"]),
        ([HZ1, HZ2, SH1, SH2], 3, ["hz-1", "hz-2", "sh-1"]),
        ([Candidate("a", load=5), Candidate("b", load=1), Candidate("c", load=1)], 1, ["b"]),
        ([Candidate("a"), Candidate("b", now=1)], 1, ["b"]),
        ([Candidate("a", "x", now=1), Candidate("b", "x", now=1), Candidate("c", "y")], 2, ["a", "b"]),
        ([Candidate("a", "x", now=1), Candidate("b", "x"), Candidate("c", "y", load=9)], 2, ["a", "c"]),
        ([Candidate("a", now=1, unfit="silent"), Candidate("b"), Candidate("c", now=1)], 2, ["b", "c"]),
        ([Candidate("a", now=1, moved="out"), Candidate("b", moved="in"), Candidate("c")], 1, ["b"]),
        ([Candidate("a", now=1, moved="out"), Candidate("b", moved="in", unfit="drained")], 1, ["a"]),
        ([Candidate("a"), Candidate("b")], 5, ["a", "b"]),
        ([], 2, []),
    ],
)
def test_so_many_hosts_are_chosen(candidates, wanted, expected):
    assert sorted(hosts(place(candidates, Wish(1, hosts=wanted)))) == expected


@pytest.mark.parametrize(
    ("candidates", "expected"),
    [
        ([Candidate("a", memory=GIB), Candidate("b", memory=4 * GIB)], ["b"]),
        ([Candidate("a", memory=4 * GIB, reserved=3 * GIB), Candidate("b", memory=2 * GIB)], ["b"]),
        ([Candidate("a"), Candidate("b", memory=4 * GIB)], ["a"]),  # not known: nothing speaks against it
        ([Candidate("a", memory=GIB)], []),
        ([Candidate("a", memory=GIB, now=2)], ["a"]),  # where it runs it stays, when nobody else has room
        ([Candidate("a", memory=GIB, now=2), Candidate("b", memory=4 * GIB)], ["b"]),
    ],
)
def test_host_without_memory_for_all_replicas_is_not_chosen(candidates, expected):
    assert hosts(place(candidates, Wish(2, memory=GIB, hosts=1))) == expected


def test_reason_for_memory_has_its_figures():
    found = place([Candidate("a", memory=4 * GIB, reserved=3 * GIB)], Wish(2, memory=GIB, hosts=1))
    assert found[0].why == "its replicas need 2048 MiB of memory and 1024 MiB are not promised to others"


def test_nothing_moves_when_it_is_placed_again():
    first = place([HZ1, HZ2, SH1, SH2], Wish(1, hosts=3))
    chosen = set(hosts(first))
    again = [Candidate(c.host, c.region, now=int(c.host in chosen), load=9) for c in (SH2, SH1, HZ2, HZ1)]
    assert set(hosts(place(again, Wish(1, hosts=3)))) == chosen
