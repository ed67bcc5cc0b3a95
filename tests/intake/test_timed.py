"""Runs that schedules ask for: once, of the commit that the branch has now, newest moment only."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from pipeline.errors import Unreachable
from pipeline.fleet.schedule import Schedule
from pipeline.fleet.service import Environment, Repository, Service
from pipeline.intake.timed import due_now, schedules_of, start
from pipeline.settings import Settings
from pipeline.timekeeper import AGAIN, EVERY, Timekeeper
from runners.stand_ins.delivery import MemorySource
from tests.parts.books import books_of
from tests.parts.empty_store import empty_store

COMMIT, NEWER = "a" * 40, "b" * 40
NIGHTLY = Schedule("0 3 * * *", "main", "UTC", only_if_changed=True)


@pytest.fixture
def ports(tmp_path):
    """A scheduler's world a day after its schedules were written down."""
    store = empty_store(tmp_path)
    place = Environment("shop", "production", (), branches=("main",), schedules=(NIGHTLY,))
    shop = Service("shop", Repository("https://g/shop.git"), environments={"production": place})
    woken, told = [], []
    found = SimpleNamespace(
        settings=Settings(services={"shop": shop}),
        source=MemorySource({COMMIT: {}, NEWER: {}}, {"refs/heads/main": COMMIT}),
        queue=SimpleNamespace(wake_run=lambda number, new=False: woken.append(number)),
        notices=SimpleNamespace(tell=lambda title, text: told.append(f"{title}: {text}")),
        clock=SimpleNamespace(now=lambda: found.at),
        at=datetime.now(UTC) + timedelta(days=1),
        woken=woken,
        told=told,
        service=lambda name: found.settings.service(name),
        **books_of(store),
    )
    found.schedules.remember(list(schedules_of(found.settings)))
    yield found
    store.close()


def look(ports):
    return [start(due, ports) for due in due_now(ports)]


def test_due_schedule_starts_one_run_that_says_so(ports):
    (run,) = look(ports)

    assert (run.ref, run.commit, run.kind, run.requested_by) == ("main", COMMIT, "branch", "schedule")
    assert run.message == "Schedule 0 3 * * * UTC"
    assert ports.woken == [run.id]
    assert look(ports) == []
    entry = ports.audit.entries()[0]
    assert (entry["actor"], entry["action"], entry["target"]) == ("schedule", "run.start", "shop/production")


def test_two_schedulers_that_saw_the_same_start_one_run(ports):
    dues = due_now(ports)

    assert [start(due, ports) is not None for due in dues * 2] == [True, False]
    assert len(ports.runs.runs()) == 1


def test_days_of_silence_are_made_up_for_by_one_run(ports):
    ports.at += timedelta(days=9)

    assert len(look(ports)) == 1
    assert look(ports) == []


def test_commit_that_is_running_or_was_green_is_not_run_again(ports):
    (run,) = look(ports)
    ports.at += timedelta(days=1)

    assert look(ports) == [None]
    assert look(ports) == []
    assert [one.id for one in ports.runs.runs()] == [run.id]


@pytest.mark.parametrize("what", ["newer commit", "red run", "whatever changed"])
def test_it_is_run_again(ports, what):
    (run,) = look(ports)
    ports.at += timedelta(days=1)
    if what == "newer commit":
        ports.source.refs["refs/heads/main"] = NEWER
    elif what == "red run":
        ports.runs.finish(run.id, "failed", "red", None)
    else:
        shop = ports.settings.service("shop")
        always = replace(
            shop.environments["production"], schedules=(replace(NIGHTLY, only_if_changed=False),)
        )
        ports.settings = Settings(services={"shop": replace(shop, environments={"production": always})})

    assert len(look(ports)) == 1
    assert len(ports.runs.runs()) == 2


def test_branch_that_is_gone_is_told_and_not_asked_for_again_before_the_next_time(ports):
    ports.source.refs.clear()

    assert look(ports) == [None]
    assert look(ports) == []
    assert ports.told == [
        "shop/production: the schedule 0 3 * * * started nothing: "
        "'main' is no branch, tag or commit of https://g/shop.git."
    ]


def test_repository_that_does_not_answer_is_asked_again_each_minute(ports):
    ports.source.failing["resolve"] = [Unreachable("no answer"), Unreachable("no answer")]
    clock = SimpleNamespace(now=0.0)
    keeper = Timekeeper(ports, lambda: clock.now)
    asked = []
    while not ports.woken:
        keeper.start_due()
        keeper.wait()
        asked.append(len(ports.source.failing["resolve"]))
        clock.now += EVERY

    assert clock.now == pytest.approx(2 * AGAIN + EVERY)
    assert asked[0] == 1
    assert len(ports.runs.runs()) == 1


def test_without_schedules_nothing_is_looked_at_twice(ports):
    ports.settings = Settings()
    keeper = Timekeeper(ports, lambda: 0.0)
    keeper.start_due()
    keeper.wait()
    ports.schedules = None

    keeper.start_due()
    keeper.wait()
