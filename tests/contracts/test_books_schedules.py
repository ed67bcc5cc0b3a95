"""The contract of `pipeline.timing.Schedules`: each moment starts one run, however many look."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.fleet.schedule import Due, Schedule
from runners.store import Store, open_store
from tests.contracts.samples import PRODUCTION, SHOP, new_run

NIGHTLY = Schedule("0 3 * * *", "main")
PLACE = (SHOP, PRODUCTION, NIGHTLY.name)
SOON = Due(SHOP, PRODUCTION, NIGHTLY, datetime.now(UTC) + timedelta(hours=1))


@pytest.fixture
def known(books: Store) -> Store:
    books.schedules.remember([PLACE])
    return books


def test_a_new_schedule_counts_from_now_on(known: Store):
    before = replace(SOON, at=datetime.now(UTC) - timedelta(hours=1))

    assert known.schedules.start(before, new_run()) is None
    assert known.runs.runs() == []


def test_what_is_due_queues_one_run_and_is_obeyed(known: Store):
    run = known.schedules.start(SOON, new_run(requested_by="schedule"))

    assert run == known.runs.run(1)
    assert (run.status, run.requested_by) == ("queued", "schedule")
    assert known.schedules.obeyed() == {PLACE: SOON.at}
    assert known.schedules.start(SOON, new_run()) is None
    assert known.runs.due() == [1]


def test_what_starts_nothing_is_obeyed_too(known: Store):
    assert known.schedules.start(SOON, None) is None

    assert known.schedules.obeyed() == {PLACE: SOON.at}
    assert known.schedules.start(SOON, new_run()) is None


def test_remembering_again_keeps_what_is_obeyed_and_forgets_what_is_gone(known: Store):
    known.schedules.start(SOON, None)
    other = (SHOP, "test", NIGHTLY.name)

    known.schedules.remember([PLACE, other])
    assert known.schedules.obeyed()[PLACE] == SOON.at
    assert set(known.schedules.obeyed()) == {PLACE, other}
    known.schedules.remember([other])

    assert set(known.schedules.obeyed()) == {other}


def test_two_schedules_of_an_environment_at_one_moment_start_one_run(known: Store):
    twin = Schedule("0 3 * * mon", "main")
    known.schedules.remember([PLACE, (SHOP, PRODUCTION, twin.name)])

    assert known.schedules.start(SOON, new_run()) is not None
    assert known.schedules.start(replace(SOON, schedule=twin), new_run()) is None
    assert len(known.runs.runs()) == 1


def test_many_schedulers_at_once_start_each_moment_once(books_url: str, tmp_path):
    stores = [open_store(books_url, str(tmp_path / "keys")) for _ in range(4)]
    stores[0].schedules.remember([PLACE])
    moments = [replace(SOON, at=SOON.at + timedelta(minutes=minute)) for minute in range(50)]
    started: list[object] = []

    def look(store: Store) -> None:
        for due in moments:
            if run := store.schedules.start(due, new_run()):
                started.append(run.id)

    threads = [threading.Thread(target=look, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    runs = stores[0].runs.runs(limit=200)
    for store in stores:
        store.close()
    assert len(runs) == len(started) <= len(moments)
    assert runs[0].status == "queued"
