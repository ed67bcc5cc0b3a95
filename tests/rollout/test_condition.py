"""How an environment is, in one word."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.rollout.condition import Condition, Seat, condition, ends, seat, until
from pipeline.rollout.deployment import Deployment, HostPhase, HostRecord, Reason, Status
from pipeline.rollout.observed import HostSeen, ReplicaSeen, ReplicaState
from pipeline.rollout.policy import Policy
from pipeline.rollout.release import Release
from runners.stand_ins.summaries import deployment_summary

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 1, 1, 13, tzinfo=UTC)
RELEASE = Release("shop", 8, "r/shop@sha256:" + "d" * 64)
ROLLING = Deployment(
    7, "shop", "production", RELEASE, None, Reason.PUSH, Status.ROLLING, NOON, Policy(), hosts=()
)
GOOD = replace(ROLLING, status=Status.SUCCEEDED)
BAD = replace(ROLLING, status=Status.ROLLED_BACK, error="web-1: GET /healthz answered 503")
FULL = [Seat("web-1", 2, 2), Seat("web-2", 2, 2)]
SHORT = [Seat("web-1", 2, 1), Seat("web-2", 2, 2)]
SILENT = [Seat("web-1", 2, None, "no route")]
UNASKED = [Seat("web-1", 2)]


@pytest.mark.parametrize(
    ("live", "seats", "active", "last", "works", "word", "why"),
    [
        (7, FULL, None, GOOD, False, Condition.WELL, ""),
        (7, UNASKED, None, GOOD, False, Condition.WELL, ""),
        (None, [], None, None, False, Condition.EMPTY, ""),
        (7, SHORT, None, GOOD, False, Condition.SICK, "web-1 has 1 of 2 replicas"),
        (7, SILENT, None, GOOD, True, Condition.SICK, "web-1 does not answer: no route"),
        (7, SHORT, ROLLING, None, False, Condition.MOVING, ""),
        (7, SHORT, replace(ROLLING, status=Status.PAUSED), None, False, Condition.SICK, "web-1 has 1 of"),
        (7, FULL, replace(ROLLING, status=Status.PAUSED), None, False, Condition.HELD, ""),
        (
            7,
            FULL,
            replace(ROLLING, blocked="no engine"),
            None,
            False,
            Condition.SICK,
            "is blocked: no engine",
        ),
        (7, FULL, None, BAD, True, Condition.MOVING, ""),
        (7, FULL, None, BAD, False, Condition.BACK, "release 8 was rolled back: web-1: GET /healthz"),
        (7, FULL, None, replace(BAD, status=Status.FAILED), False, Condition.BACK, "release 8 failed"),
    ],
)
def test_an_environment_is(live, seats, active, last, works, word, why):
    found, said = condition(live, seats, active, last and deployment_summary(last), works)

    assert found is word
    assert why in said
    assert bool(why) == bool(said)


@pytest.mark.parametrize(
    ("replicas", "healthy"),
    [
        ([(8, ReplicaState.RUNNING, ""), (8, ReplicaState.RUNNING, "healthy")], 2),
        ([(8, ReplicaState.RUNNING, "unhealthy"), (8, ReplicaState.EXITED, "")], 0),
        ([(7, ReplicaState.RUNNING, "")], 0),
    ],
)
def test_only_running_replicas_of_the_live_release_count(replicas, healthy):
    seen = HostSeen(
        "web-1",
        True,
        replicas=tuple(ReplicaSeen("c", "c", n, 0, state, health=health) for n, state, health in replicas),
    )

    assert seat("web-1", 2, seen, 8) == Seat("web-1", 2, healthy)


def test_a_host_that_does_not_answer_has_no_number():
    assert seat("web-1", 2, HostSeen("web-1", False, "no route"), 8) == Seat("web-1", 2, None, "no route")


@pytest.mark.parametrize(
    ("phase", "clock"),
    [
        (HostPhase.CHECKING, "health_by"),
        (HostPhase.DRAINING, "drain_by"),
        (HostPhase.BAKING, "bake_until"),
        (HostPhase.ADMITTING, "entrance_by"),
    ],
)
def test_a_host_is_shown_with_the_clock_of_its_phase(phase, clock):
    record = HostRecord("web-1", phase, **{clock: LATER})

    assert until(ROLLING, record) == LATER
    assert until(ROLLING, replace(record, phase=HostPhase.WAITING)) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": Status.PREPARING, "prepare_by": LATER}, LATER),
        ({"status": Status.AWAITING_PROMOTION, "approve_by": LATER}, LATER),
        ({"bake_until": LATER}, LATER),
        ({"settled": True, "finish_by": LATER, "bake_until": NOON}, LATER),
        ({"status": Status.SUCCEEDED, "bake_until": LATER}, None),
    ],
)
def test_a_deployment_is_shown_with_the_clock_that_runs(changes, expected):
    assert ends(replace(ROLLING, **changes)) == expected
