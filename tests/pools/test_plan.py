"""What follows from one look at a pool; nothing is asked and nothing is written."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.fleet.host import Host
from pipeline.fleet.joined import Joined
from pipeline.pools.order import Instance, InstanceState
from pipeline.pools.plan import allowance, plan, refusal, waits_until
from pipeline.pools.pool import TRANSITIONS, Event, Machine, Pool, Provider, State, Wanted
from pipeline.pools.sight import Deed, Plan, Sight

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
POOL = Pool("web", Provider.AWS, min=0, max=50)


def machine(number: int, state: State = State.READY, minutes: float = 60.0, **more: object) -> Machine:
    at = NOON - timedelta(minutes=minutes)
    instance = f"i-{number}" if state not in (State.WISHED, State.LAUNCHING) else ""
    found = Machine("web", f"{number:08d}", at, at, state, number, instance)
    if state is State.READY:
        found = replace(found, ready_at=at)
    return replace(found, **more)  # type: ignore[arg-type]


def instance(one: Machine, **more: object) -> Instance:
    found = Instance(
        one.instance or f"i-{one.id}", one.wish, InstanceState.RUNNING, "10.0.0.1", one.wished_at
    )
    return replace(found, **more)  # type: ignore[arg-type]


def joined(one: Machine, **more: object) -> Joined:
    return Joined(Host(one.name, "tcp://10.0.0.1:2376", "10.0.0.1"), NOON, pool="web", **more)  # type: ignore[arg-type]


def sight(machines: Sequence[Machine], wanted: int | None = None, **more: object) -> Sight:
    """All of them are there and have joined, as far as they should."""
    known = [m for m in machines if m.instance]
    found = Sight(
        POOL,
        machines=machines,
        wanted=None if wanted is None else Wanted("web", wanted, "busy", "scaling", NOON),
        instances=[instance(m) for m in known],
        joined={m.name: joined(m) for m in known if m.state is State.READY},
    )
    return replace(found, **more)  # type: ignore[arg-type]


def deeds(found: Plan) -> list[tuple[Deed, str]]:
    return [(step.deed, step.machine.wish if step.machine else step.instance) for step in found.steps]


@pytest.mark.parametrize(("size", "most"), [(0, 1), (1, 1), (3, 1), (4, 1), (7, 2), (10, 3), (100, 30)])
def test_thirty_percent_and_at_least_one_may_change(size: int, most: int):
    assert allowance(size) == most


def test_a_pool_that_is_as_it_should_be_needs_nothing():
    found = plan(sight([machine(1), machine(2)], 2), NOON)

    assert (found.steps, found.held, found.refused) == ((), "", False)


def test_nobody_said_anything_so_the_file_does():
    found = plan(sight([], None, pool=replace(POOL, min=1)), NOON)

    assert [step.why for step in found.steps] == ["1 are wanted by shipway.yml, 0 there"]


def test_growth_is_told_with_who_wanted_it_and_why():
    found = plan(sight([machine(1)], 2), NOON)

    assert [(s.deed, s.why) for s in found.steps] == [(Deed.WISH, "2 are wanted by scaling: busy, 1 there")]


def test_growth_waits_for_those_that_come():
    found = plan(sight([machine(1), machine(2, State.JOINING, 1)], 4), NOON)

    assert found.steps == ()
    assert found.held.startswith("2 more wait until those that come are ready")
    assert found.refused


def test_max_is_stronger_than_what_is_wanted():
    found = plan(sight([machine(1)], 9, pool=replace(POOL, max=1)), NOON)

    assert found.steps == ()


def test_the_newest_of_the_least_busy_goes_first():
    machines = [machine(1, minutes=90), machine(2, minutes=80), machine(3, minutes=70)]
    busy = {machines[0].name: 1, machines[1].name: 1, machines[2].name: 4}

    found = plan(sight(machines, 2, busy=busy), NOON)

    assert deeds(found) == [(Deed.LEAVE, machines[1].wish)]


def test_what_does_not_serve_goes_before_what_does():
    ready, silent, coming = machine(1, minutes=1), machine(2), machine(3, State.JOINING, 5)
    base = {"silent": frozenset({silent.name}), "busy": {silent.name: 9}}

    first = plan(sight([ready, silent, coming], 2, **base), NOON)
    second = plan(sight([ready, silent], 1, **base), NOON)

    assert deeds(first) == [(Deed.LEAVE, coming.wish)]
    assert deeds(second) == [(Deed.LEAVE, silent.wish)]


def test_a_wish_that_nobody_wants_any_more_is_never_sent():
    waiting = machine(2, State.WISHED, 0)

    found = plan(sight([machine(1), waiting], 1), NOON)

    assert deeds(found) == [(Deed.LEAVE, waiting.wish)]


def test_a_protected_one_stays_and_it_is_said():
    only = machine(1)

    found = plan(sight([only], 0, joined={only.name: joined(only, protected=True)}), NOON)

    assert found.steps == ()
    assert "protected" in found.held


def test_one_that_could_not_go_a_moment_ago_is_not_picked_again_at_once():
    stuck, other = machine(1, minutes=1, error="shop needs it"), machine(2, minutes=90)

    assert deeds(plan(sight([stuck, other], 1), NOON)) == [(Deed.LEAVE, other.wish)]


def test_a_file_that_suddenly_allows_few_needs_force():
    machines = [machine(number) for number in range(1, 11)]
    small = replace(POOL, max=2)

    refused = plan(sight(machines, 10, pool=small), NOON)
    said = Wanted("web", 10, "", "ada", NOON, forced=True)
    forced = plan(replace(sight(machines, pool=small), wanted=said), NOON)

    assert (refused.steps, refused.refused) == ((), True)
    assert "shipway hosts plan --force" in refused.held
    assert len(forced.changes) == 8


def test_shrinking_goes_thirty_percent_at_a_time():
    machines = [machine(number) for number in range(1, 11)]
    leaving = [replace(m, state=State.LEAVING) for m in machines[:2]]

    first = plan(sight(machines, 2), NOON)
    later = plan(sight([*leaving, *machines[2:]], 2), NOON)

    assert [step.deed for step in first.changes] == [Deed.LEAVE] * 3
    assert [step.deed for step in later.changes] == []
    assert "6 more go when those that leave are gone" in later.held


@pytest.mark.parametrize(("failures", "minutes"), [(1, 5), (2, 10), (3, 20), (4, 30), (9, 30), (20, 30)])
def test_after_failures_a_pool_waits_longer_and_longer(failures: int, minutes: int):
    past = [machine(n, State.GONE, minutes=n, failed=True) for n in range(1, failures + 1)]

    assert waits_until(past, []) == past[0].since + timedelta(minutes=minutes)


def test_one_that_became_ready_since_ends_the_waiting():
    past = [machine(1, State.GONE, minutes=2, failed=True)]

    assert waits_until(past, [machine(2, minutes=1)]) is None
    assert waits_until([replace(past[0], failed=False), *past], []) is None


def test_one_that_fails_now_is_not_replaced_at_once():
    late = machine(1, State.JOINING, 16)

    found = plan(sight([late], 1), NOON)

    assert deeds(found) == [(Deed.LEAVE, late.wish)]
    assert "wait until 12:05 UTC" in found.held


def test_of_two_machines_for_one_wish_the_second_is_an_orphan():
    asked = machine(1, State.LAUNCHING, 20)
    twice = [instance(asked, id="i-a"), instance(asked, id="i-b")]

    found = plan(sight([asked], 1, instances=twice), NOON)

    assert [(s.deed, s.instance) for s in found.steps] == [(Deed.FOUND, "i-a"), (Deed.SWEEP, "i-b")]


@pytest.mark.parametrize(
    ("minutes", "failed", "deed"),
    [
        (1, False, Deed.LAUNCH),
        (11, False, None),
        (16, False, Deed.GIVE_UP),
        (1, True, None),
        (3, True, Deed.GIVE_UP),
    ],
)
def test_an_answer_that_never_came_is_asked_for_and_then_given_up(
    minutes: int, failed: bool, deed: Deed | None
):
    asked = machine(1, State.LAUNCHING, minutes, failed=failed)

    found = plan(sight([asked], 1), NOON)

    assert [s.deed for s in found.steps] == ([deed] if deed else [])


def test_nothing_is_given_up_while_the_cloud_is_silent():
    machines = [machine(1, State.LAUNCHING, 60), machine(2), machine(3, State.LEAVING)]

    found = plan(sight(machines, 3, instances=None, trouble="no answer"), NOON)

    assert deeds(found) == [(Deed.EMPTY, machines[2].wish)]
    assert found.held.startswith("no answer; ")


def test_a_stranger_that_is_being_deleted_is_no_orphan():
    gone = instance(machine(7), state=InstanceState.ENDING)

    assert plan(sight([], 0, instances=[gone]), NOON).steps == ()


def test_a_change_by_a_person_is_refused_with_a_sentence():
    assert refusal(POOL, 10, 13) == ""
    assert "a change of 4 at once, and pool web takes 3" in refusal(POOL, 10, 6)


def test_every_state_but_the_last_can_be_left():
    assert {state for state, _ in TRANSITIONS} == set(State) - {State.GONE}


def test_a_machine_that_is_gone_goes_nowhere():
    with pytest.raises(KeyError):
        machine(1, State.GONE).after(Event.JOINED, NOON)


STATES = st.sampled_from([State.WISHED, State.LAUNCHING, State.JOINING, State.READY, State.LEAVING])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine everything is slow
@given(st.lists(st.tuples(STATES, st.integers(0, 40)), max_size=20), st.integers(0, 30), st.booleans())
def test_whatever_there_is_no_more_changes_than_allowed(found, wanted, forced):
    machines = [machine(n, state, minutes) for n, (state, minutes) in enumerate(found, 1)]
    seen = sight(machines, wanted)
    seen = replace(seen, wanted=Wanted("web", wanted, "", "ada", NOON, forced))

    made = plan(seen, NOON)

    picked = [s for s in made.steps if s.deed is Deed.LEAVE and not s.failed]
    wishes = [s for s in made.steps if s.deed is Deed.WISH]
    stays = [m for m in machines if m.state is not State.LEAVING]
    assert not (picked and wishes)
    assert len({s.machine for s in made.steps if s.machine}) == len([s for s in made.steps if s.machine])
    assert not any(s.machine and s.machine.state in (State.LAUNCHING, State.LEAVING) for s in picked)
    if not forced:
        assert len(picked) <= allowance(len(stays))
        assert len(wishes) <= allowance(wanted)
    assert len(stays) - len(picked) >= min(wanted, len(stays))
