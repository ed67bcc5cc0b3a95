"""New and old side by side: when figures blame a release, and when they say nothing."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.fleet.proxy import Backend, BackendSeen, BackendState, Route, Site, SiteSeen, SiteWanted
from pipeline.rollout.compare import counted, promise, summary, verdict
from pipeline.rollout.deployment import Deployment, HostPlan, HostRecord, Reason, ReplicaRecord, Status
from pipeline.rollout.look import Look
from pipeline.rollout.observed import HostSeen, Observed
from pipeline.rollout.policy import Compare, Policy
from pipeline.rollout.release import Release
from pipeline.rollout.tally import Tally

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OLD, NEW = "10.0.0.1:20000", "10.0.0.1:20001"
SITE = Site("front", "web-1")


def tally(release: int, requests: int, errors: int = 0, mean: float | None = None) -> Tally:
    return Tally(str(SITE), OLD if release == 7 else NEW, release, requests, errors, mean)


def record(*tallies: Tally, host: str = "web-1", **changes: object) -> HostRecord:
    replicas = (ReplicaRecord(0, f"c-{host}", "t"),)
    plain = HostRecord(host, touched=True, boot="1", admitted_at=NOW, replicas=replicas, tallies=tallies)
    return replace(plain, **changes)


def deployment(*records: HostRecord, **changes: object) -> Deployment:
    plain = Deployment(
        id=1,
        service="shop",
        environment="production",
        release=Release("shop", 8, "r/shop@sha256:8"),
        previous=Release("shop", 7, "r/shop@sha256:7"),
        reason=Reason.PUSH,
        status=Status.ROLLING,
        created_at=NOW,
        policy=Policy(),
        hosts=tuple(HostPlan(r.host, (r.host,)) for r in records),
        proxy="front",
        records=records,
    )
    return replace(plain, **changes)


def look(of: Deployment, *backends: BackendSeen, boot: str = "1", up: bool = True, read: str = "") -> Look:
    """The books know the old and the new address of web-1."""
    known = (Backend(OLD, "web-1", 7, BackendState.DRAIN), Backend(NEW, "web-1", 8))
    route = Route(SITE, "shop", "production", backends=known)
    observed = Observed(
        hosts={r.host: HostSeen(r.host, reachable=up, boot=boot) for r in of.records},
        sites={SITE: SiteSeen(SITE, not read, 1, backends, error=read)},
        wanted={SITE: SiteWanted(SITE, 1, (route,))},
    )
    return Look(of, observed, NOW)


def blamed(*records: HostRecord, **changes: object) -> str:
    fault = verdict(look(deployment(*records, **changes)))
    return fault.why if fault else ""


# ------------------------------------------------------------------------------------------------ verdict


def test_release_that_answers_500_is_blamed_with_its_figures():
    fault = verdict(look(deployment(record(tally(7, 1000, 2), tally(8, 120, 31)))))

    assert str(fault) == (
        "web-1, bake: 31 of 120 requests to release 8 ended in 5xx (25.8 %), 0.2 % of 1000 with release 7"
    )
    assert fault.container == "c-web-1"


def test_slow_release_is_blamed_with_its_figures_once_its_bake_is_over():
    slow = record(tally(7, 900, 0, 0.095), tally(8, 300, 0, 0.84))

    assert blamed(slow) == ""
    assert blamed(replace(slow, done=True)) == (
        "release 8 took 840 ms on average over 300 requests, release 7 took 95 ms on average over 900 requests"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (tally(7, 1000), tally(8, 0)),
        (tally(7, 1000), tally(8, 19, 19)),  # fewer than are needed
        (tally(7, 1000), tally(8, 20, 1)),  # within what may be more
        (tally(7, 1000, 300), tally(8, 100, 34)),  # it was as bad before
        (tally(7, 100, 10), tally(8, 20, 4)),  # chance explains it
        (tally(7, 10, 5), tally(8, 100, 5)),  # nothing to compare with: the limit stands alone
        (tally(7, 1000, 0, 0.1), tally(8, 100, 0, 0.29)),
        (tally(7, 1000, 0, 0.004), tally(8, 100, 0, 0.09)),  # many times as slow, and nobody would notice
        (tally(7, 1000, 0, None), tally(8, 100, 0, 9.0)),  # not told by the old proxy
        (tally(7, 1000, 0, 0.1), tally(8, 100, 0, None)),
        (tally(7, 10, 0, 0.1), tally(8, 100, 0, 9.0)),
    ],
)
def test_figures_that_prove_nothing_blame_nobody(old, new):
    assert blamed(record(old, new, done=True)) == ""


def test_without_an_old_release_the_limit_is_absolute():
    assert "5 % is the limit" in blamed(record(tally(8, 100, 12)), previous=None)
    assert blamed(record(tally(8, 100, 5)), previous=None) == ""


def test_old_release_is_judged_by_all_hosts_that_serve_it():
    others = record(tally(7, 500, 100), host="web-2", touched=False, admitted_at=None)

    assert blamed(record(tally(8, 100, 22)), others) == ""


def test_hosts_with_few_requests_are_judged_together():
    one, two = record(tally(8, 15, 9)), record(tally(8, 15, 12), host="web-2")

    fault = verdict(look(deployment(one, two)))

    assert fault.host == "web-2"
    assert "21 of 30 requests" in fault.why
    assert "all hosts together" in fault.why


def test_host_that_does_not_answer_is_not_judged():
    bad = deployment(record(tally(8, 100, 90)))

    assert verdict(look(bad, up=False)) is None
    assert verdict(look(deployment(record(tally(8, 100, 90), lost_at=NOW)))) is None


def test_comparing_can_be_turned_off():
    assert blamed(record(tally(8, 100, 90)), policy=Policy(compare=None)) == ""


def test_release_is_not_compared_with_itself():
    same = Release("shop", 8, "r/shop@sha256:8")

    assert blamed(record(tally(8, 100, 90)), previous=same) == ""


def test_limits_are_the_operators():
    loose = Policy(compare=Compare(errors=0.5, min_requests=200))

    assert blamed(record(tally(8, 100, 90)), policy=loose) == ""
    assert blamed(record(tally(8, 200, 90)), policy=loose) == ""
    assert "120 of 200" in blamed(record(tally(8, 200, 120)), policy=loose)


# ------------------------------------------------------------------------------------------------ evidence


def backend(address: str, requests: int | None, errors: int | None = 0) -> BackendSeen:
    return BackendSeen(address, BackendState.READY, 0, requests, errors)


def tallies(of: Look) -> dict[int, tuple[int, int]]:
    return {t.release: (t.requests, t.errors) for t in counted(of).deployment.records[0].tallies}


def test_old_replica_counts_from_the_first_look_and_an_admitted_one_from_its_switch():
    found = look(deployment(record()), backend(OLD, 5000, 70), backend(NEW, 12, 3))

    assert tallies(found) == {7: (0, 0), 8: (12, 3)}


def test_replica_that_served_before_it_was_admitted_here_counts_from_now_on():
    again = deployment(record(admitted_at=None))

    assert tallies(look(again, backend(NEW, 400, 300)))[8] == (0, 0)


def test_figures_go_on_after_a_crash_of_the_driver():
    first = counted(look(deployment(record()), backend(OLD, 5000, 70), backend(NEW, 12, 3))).deployment

    assert tallies(look(first, backend(OLD, 5001, 70), backend(NEW, 40, 13))) == {7: (1, 0), 8: (40, 13)}


@pytest.mark.parametrize("changes", [{"boot": "2"}, {"up": False}])
def test_what_users_met_while_the_host_was_away_blames_nobody(changes):
    first = counted(look(deployment(record()), backend(NEW, 10))).deployment

    assert tallies(look(first, backend(NEW, 500, 480), **changes))[8] == (10, 0)


def test_proxy_without_figures_leaves_none():
    assert tallies(look(deployment(record()), backend(OLD, None, None))) == {}
    assert tallies(look(deployment(record()), read="no answer")) == {}


@pytest.mark.parametrize(
    "changes", [{"status": Status.ROLLING_BACK}, {"settled": True}, {"policy": Policy(compare=None)}]
)
def test_nothing_is_counted_when_nothing_will_be_judged(changes):
    assert tallies(look(deployment(record(), **changes), backend(NEW, 10))) == {}


# ------------------------------------------------------------------------------------------------ words


def test_history_says_what_was_compared():
    done = deployment(record(tally(7, 1000, 2, 0.011), tally(8, 120, 0, 0.012)))

    assert summary(done, list(done.records)) == (
        "120 requests, 0 % ended in 5xx, 12 ms on average (release 7: 1000 requests, 0.2 % ended in 5xx, 11 ms on average)"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "3 requests are too few to compare (20 needed), so health alone decided"),
        ({"proxy": ""}, "no proxy counts its requests, so health alone decided"),
        ({"policy": Policy(compare=None)}, ""),
    ],
)
def test_history_says_why_nothing_was_compared(changes, words):
    done = deployment(record(tally(8, 3)), **changes)

    assert summary(done, list(done.records)) == words


def test_history_says_when_only_the_limit_counted():
    done = deployment(record(tally(8, 50)), previous=None)

    assert "at most 5 % may fail" in summary(done, list(done.records))


def test_plan_says_what_will_be_compared():
    assert promise(deployment()) == "at most 5 % more 5xx answers than release 7, and 3 times its mean time"
    assert promise(deployment(previous=None)) == "at most 5 % of its answers may be 5xx"
    assert promise(deployment(proxy="")) == ""
    assert promise(deployment(policy=Policy(compare=None))) == ""
