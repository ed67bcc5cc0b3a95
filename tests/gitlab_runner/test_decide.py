"""What must be done with runners, and what is told of them, from literal looks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.fleet.gitlab_runners import Executor, RunnerFleet, RunnerScope
from pipeline.fleet.host import Host
from pipeline.gitlab_runner.decide import Change, Deed, decide, slot_of
from pipeline.gitlab_runner.health import health
from pipeline.gitlab_runner.runner import ContainerSeen, Record, RunnerSeen, Sight, Slot, fingerprint
from pipeline.secret import Secret

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOST = Host("web-1", "tcp://10.0.0.11:2375", "10.0.0.11")
SLOT = Slot("ci", "web-1", 1)
FLEET = RunnerFleet(
    "ci",
    "https://gitlab.example.com",
    Secret("glpat-hush"),
    (HOST,),
    "gitlab/gitlab-runner:v18.5.0",
    tags=("docker",),
    image="alpine:3",
)
RECORD = Record(
    SLOT,
    HOST,
    FLEET.url,
    RunnerScope.INSTANCE,
    0,
    "shipway here ci/web-1/1 000000000001",
    "r_000000000001",
    3600.0,
    runner=7,
    token=Secret("glrt-hush"),
)
CONTAINER = ContainerSeen("c1", SLOT, fingerprint(FLEET, RECORD))
ENTRY = RunnerSeen(
    7,
    RECORD.description,
    "instance_type",
    frozenset({"docker"}),
    run_untagged=False,
    access_level="not_protected",
    status="online",
    contacted_at=NOW,
)
WELL = Sight(
    records={SLOT: RECORD},
    containers={"web-1": (CONTAINER,)},
    listed={"ci": (RunnerSeen(7, RECORD.description),)},
    entries={SLOT: ENTRY},
    hosts=frozenset({"web-1"}),
)


def deeds(sight: Sight, *fleets: RunnerFleet) -> list[Deed]:
    return [change.deed for change in decide(fleets or (FLEET,), sight).changes]


def test_what_is_as_it_should_be_is_left():
    assert decide((FLEET,), WELL).changes == ()


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"records": {}, "entries": {}}, [Deed.DISCARD, Deed.CREATE, Deed.REPLACE]),
        ({"entries": {SLOT: None}}, [Deed.CREATE, Deed.REPLACE]),
        ({"entries": {SLOT: replace(ENTRY, tags=frozenset({"arm"}))}}, [Deed.UPDATE]),
        ({"entries": {SLOT: replace(ENTRY, run_untagged=True)}}, [Deed.UPDATE]),
        ({"entries": {SLOT: replace(ENTRY, access_level="ref_protected")}}, [Deed.UPDATE]),
        ({"entries": {SLOT: replace(ENTRY, paused=True)}}, []),
        ({"entries": {SLOT: "GitLab does not answer."}}, []),
        ({"entries": {SLOT: "GitLab does not answer."}, "containers": {"web-1": ()}}, []),
        ({"refused": frozenset({SLOT})}, [Deed.RENEW, Deed.REPLACE]),
        ({"containers": {"web-1": ()}}, [Deed.START]),
        ({"containers": {"web-1": (replace(CONTAINER, running=False, state="exited"),)}}, [Deed.START]),
        ({"containers": {"web-1": (replace(CONTAINER, state="restarting again and again"),)}}, []),
        ({"containers": {"web-1": (replace(CONTAINER, config="older"),)}}, [Deed.REPLACE]),
        ({"containers": {"web-1": "Host web-1 does not answer."}}, []),
        ({"records": {SLOT: replace(RECORD, drain_by=NOW)}}, [Deed.REPLACE]),
        ({"unfit": {"web-1": "it is drained (by ada)"}}, [Deed.REMOVE]),
        ({"unfit": {"web-1": "it is drained (by ada)"}, "containers": {"web-1": "no answer"}}, []),
        ({"listed": {"ci": (RunnerSeen(8, "shipway here ci/web-1/1 000000000009"),)}}, [Deed.DISCARD]),
        ({"listed": {"ci": "GitLab does not answer."}}, []),
        ({"listed": {"ci": "GitLab does not answer."}, "records": {}, "entries": {}}, []),
    ],
)
def test_each_difference_has_its_deed(change: dict[str, object], wanted: list[Deed]):
    assert deeds(replace(WELL, **change)) == wanted  # type: ignore[arg-type]


def test_an_attempt_that_was_cut_goes_on_and_its_runner_is_no_stranger():
    cut = replace(RECORD, runner=0, token=Secret(""))
    sight = replace(WELL, records={SLOT: cut}, entries={}, containers={"web-1": ()})

    assert deeds(sight) == [Deed.CREATE, Deed.START]


def test_an_edit_waits_for_a_person_and_a_host_does_not():
    edited = decide((replace(FLEET, image="debian:12"),), WELL).changes
    drained = decide((FLEET,), replace(WELL, unfit={"web-1": "it is drained (by ada)"})).changes
    dead = decide((FLEET,), replace(WELL, containers={"web-1": ()})).changes
    fresh = decide((FLEET,), Sight(containers={"web-1": ()}, hosts=frozenset({"web-1"}))).changes

    assert [change.follows for change in (*edited, *drained, *dead)] == [False, True, True]
    assert {change.follows for change in fresh} == {False}


def test_fewer_for_each_host_leave_the_last_ones():
    second = Slot("ci", "web-1", 2)
    records = {SLOT: RECORD, second: replace(RECORD, slot=second, runner=8)}
    sight = replace(WELL, records=records, listed={"ci": (RunnerSeen(8, "shipway here ci/web-1/2 2"),)})

    (change,) = decide((FLEET,), sight).changes

    assert change == Change(Deed.REMOVE, second, "ci has only 1 for each host", 8)


def test_what_could_not_be_looked_at_is_told_once():
    silent = replace(
        WELL, containers={"web-1": "no answer"}, listed={"ci": "no way"}, entries={SLOT: "no way"}
    )

    assert decide((FLEET,), silent).unknown == ("no answer", "no way")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("concurrent", 2),
        ("ca", "/etc/shipway/ca.pem"),
        ("image", "debian:12"),
        ("helper_image", "helper:1"),
        ("runner_image", "gitlab/gitlab-runner:v18.6.0"),
        ("privileged", True),
        ("volumes", ("/cache", "/x")),
        ("memory", 1 << 30),
        ("cpus", 2.0),
        ("socket", "/run/docker.sock"),
        ("output_limit", 1 << 20),
        ("executor", Executor.SHELL),
    ],
)
def test_each_setting_of_the_container_is_in_its_fingerprint(key: str, value: object):
    assert fingerprint(replace(FLEET, **{key: value}), RECORD) != fingerprint(FLEET, RECORD)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, ""),
        ({"records": {SLOT: replace(RECORD, runner=0)}}, "the answer did not come"),
        ({"entries": {SLOT: None}}, "Runner 7 is gone at GitLab"),
        ({"entries": {SLOT: "GitLab does not answer."}}, "GitLab does not answer."),
        ({"refused": frozenset({SLOT})}, "refuses the token of runner 7"),
        ({"containers": {"web-1": ()}}, "Host web-1 has no container of it"),
        ({"containers": {"web-1": "Host web-1 does not answer."}}, "Host web-1 does not answer."),
        (
            {"containers": {"web-1": (replace(CONTAINER, running=False, state="exited", exit_code=1),)}},
            "exited with code 1; `docker logs shipway-runner-ci-web-1-1` on web-1",
        ),
        ({"records": {SLOT: replace(RECORD, drain_by=NOW + timedelta(seconds=90))}}, "for 90 s at most"),
        ({"entries": {SLOT: replace(ENTRY, paused=True)}}, "paused at GitLab"),
        ({"entries": {SLOT: replace(ENTRY, contacted_at=None)}}, "never called GitLab"),
        ({"entries": {SLOT: replace(ENTRY, contacted_at=NOW - timedelta(minutes=9))}}, "for 9 minutes"),
        ({"entries": {SLOT: RunnerSeen(7, "x")}}, "has no fleet for runner 7 any more"),
    ],
)
def test_what_is_wrong_is_one_sentence(change: dict[str, object], told: str):
    found = health(replace(WELL, **change), NOW)[SLOT]  # type: ignore[arg-type]

    assert told in found
    assert bool(found) is bool(told)


def test_a_description_names_its_slot():
    assert slot_of(RECORD.description) == SLOT
    assert slot_of("somebody else's runner") is None
