"""The contract of `pipeline.books.Inbox`."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.delivery.run import RunStatus
from pipeline.intake.inbox import Needless
from runners.store import Store
from tests.contracts.samples import delivery, lease_run, new_run


def test_a_delivery_becomes_queued_runs(books: Store):
    received = books.inbox.receive(delivery(runs=(new_run(), new_run(environment="test"))))

    runs = [books.runs.run(number) for number in received.runs]
    assert [run.environment for run in runs] == ["production", "test"]
    assert {run.status for run in runs} == {RunStatus.QUEUED}
    assert {run.delivery for run in runs} == {received.id}
    assert not received.duplicate


def test_several_at_once_are_answered_in_their_order_or_left_to_who_waits(books: Store):
    """SQLite takes them, a database over the network does not."""
    sent = [delivery("k", runs=(new_run(),)), delivery("other", runs=()), delivery("k", runs=(new_run(),))]

    received = books.inbox.receive_at_once(sent)

    if books.inbox.deliveries():
        assert received is not None
        first, other, again = received
        assert (first.duplicate, other.runs, again.duplicate) == (False, (), True)
        assert (again.id, again.runs) == (first.id, first.runs)
    else:
        assert received is None


def test_a_redelivery_answers_what_the_first_one_did(books: Store):
    first = books.inbox.receive(delivery("k"))

    again = books.inbox.receive(delivery("k", runs=(new_run(commit="b" * 40),)))

    assert (again.id, again.runs, again.duplicate) == (first.id, first.runs, True)
    assert len(books.runs.runs()) == 1


def test_a_redelivery_in_other_bytes_that_tells_the_same_is_not_changed(books: Store):
    books.inbox.receive(delivery("k"))

    again = books.inbox.receive(delivery("k", body=b"{}", headers={}, runs=(new_run(message="Sell less"),)))

    assert (again.duplicate, again.changed) == (True, False)


@pytest.mark.parametrize("runs", [(), (new_run(environment="test", commit="b" * 40),)])
def test_environments_that_came_or_went_since_are_no_change(books: Store, runs):
    books.inbox.receive(delivery("k"))

    assert not books.inbox.receive(delivery("k", runs=runs)).changed


@pytest.mark.parametrize(
    "other",
    [
        {"event": "ping", "runs": ()},
        {"project": "acme/blog"},
        {"runs": (new_run(ref="next"),)},
        {"runs": (new_run(commit="b" * 40),)},
    ],
)
def test_a_key_that_tells_of_something_else_is_told_as_changed_and_writes_nothing(books: Store, other):
    first = books.inbox.receive(delivery("k"))

    again = books.inbox.receive(delivery("k", **other))

    assert (again.id, again.runs, again.duplicate, again.changed) == (first.id, first.runs, True, True)
    assert len(books.runs.runs()) == len(books.inbox.deliveries()) == 1


def test_a_key_that_tells_two_things_at_once_is_told_as_changed(books: Store):
    deliveries = [delivery("k", runs=(new_run(commit=letter * 40),)) for letter in "ab"]

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(books.inbox.receive, deliveries), key=lambda answer: answer.duplicate)

    assert [(answer.duplicate, answer.changed) for answer in answers] == [(False, False), (True, True)]
    assert len(books.runs.runs()) == 1


def test_the_same_key_of_another_forge_is_another_delivery(books: Store):
    first = books.inbox.receive(delivery("k"))

    other = books.inbox.receive(delivery("k", forge="gitlab"))

    assert other.id != first.id
    assert not other.duplicate


def test_an_ignored_delivery_says_why_each_time(books: Store):
    books.inbox.receive(delivery("k", runs=(), ignored="branch 'x' has no environment"))

    again = books.inbox.receive(delivery("k", runs=(), ignored=""))

    assert again.ignored == "branch 'x' has no environment"
    assert again.runs == ()


def test_a_newer_push_supersedes_queued_runs_of_its_environment_only(books: Store):
    (old,) = books.inbox.receive(delivery("1")).runs
    (other,) = books.inbox.receive(delivery("2", runs=(new_run(environment="test"),))).runs

    (new,) = books.inbox.receive(delivery("3")).runs

    assert [books.runs.run(n).status for n in (old, other, new)] == ["superseded", "queued", "queued"]
    assert books.runs.run(old).error == f"Run {new}, asked for later, took its place before it began."


def test_two_runs_of_one_environment_in_one_delivery_leave_the_newest(books: Store):
    received = books.inbox.receive(delivery(runs=(new_run(commit="a" * 40), new_run(commit="b" * 40))))

    first, second = (books.runs.run(number) for number in received.runs)
    assert (first.status, second.status) == (RunStatus.SUPERSEDED, RunStatus.QUEUED)
    assert f"Run {second.id}," in first.error
    assert first.over
    assert first.finished_at


def test_deliveries_are_listed_newest_first_with_their_runs(books: Store):
    first = books.inbox.receive(delivery("1"))
    second = books.inbox.receive(delivery("2", runs=(), ignored="a ping"))

    newest, oldest = books.inbox.deliveries()

    assert (newest.id, newest.runs, newest.ignored) == (second.id, (), "a ping")
    assert (oldest.id, oldest.runs, oldest.key, oldest.project) == (first.id, first.runs, "1", "acme/shop")
    assert [d.id for d in books.inbox.deliveries(before=second.id)] == [first.id]


def test_text_that_no_database_can_hold_is_received_all_the_same(books: Store):
    odd = delivery("k\0\ud800", runs=(new_run(message="nul \0 and half \udfff"),), headers={"x": "\ud800"})

    received = books.inbox.receive(odd)
    again = books.inbox.receive(odd)

    assert books.runs.run(received.runs[0]).message == "nul ? and half ?"
    assert again.duplicate


def test_tidy_keeps_a_redelivery_known(books: Store):
    first = books.inbox.receive(delivery("k"))

    books.tidy(datetime.now(UTC) + timedelta(days=40))

    assert books.inbox.receive(delivery("k")).id == first.id
    assert books.inbox.receive(delivery("k")).duplicate


# ------------------------------------------------------------------------------------------------ merge requests


WHY = "Merge request 3 was merged: nobody waits for its tests any more."
OVER = Needless("shop", 3, WHY)


def asked(books: Store, key: str, **changes: object) -> int:
    new = new_run(environment="", kind="merge_request", merge_request=3, **changes)
    return books.inbox.receive(delivery(key, runs=(new,))).runs[0]


def test_a_request_that_is_over_ends_its_queued_run_with_the_reason(books: Store):
    number = asked(books, "open")

    books.inbox.receive(delivery("merge", runs=(), ignored="merged", needless=(OVER,)))

    run = books.runs.run(number)
    assert (run.status, run.error) == (RunStatus.CANCELLED, WHY)
    assert books.runs.due() == []


def test_a_running_one_is_asked_to_end_and_keeps_the_reason_for_its_worker(books: Store):
    number = asked(books, "open")
    lease = lease_run(books, number)
    books.runs.begin(number, lease)

    books.inbox.receive(delivery("merge", runs=(), ignored="merged", needless=(OVER,)))

    run = books.runs.run(number)
    assert (run.status, run.cancel_requested, run.error) == (RunStatus.RUNNING, True, WHY)
    books.runs.finish(number, "succeeded", "", lease)  # it was faster
    assert (books.runs.run(number).status, books.runs.run(number).error) == (RunStatus.SUCCEEDED, "")


@pytest.mark.parametrize(
    "other", [{"merge_request": 4}, {"service": "blog"}, {"environment": "production", "merge_request": 0}]
)
def test_runs_of_anything_else_go_on(books: Store, other: dict):
    plain = {"environment": "", "kind": "merge_request", "merge_request": 3}
    (number,) = books.inbox.receive(delivery("open", runs=(new_run(**plain | other),))).runs

    books.inbox.receive(delivery("merge", runs=(), ignored="merged", needless=(OVER,)))

    assert books.runs.run(number).status is RunStatus.QUEUED


def test_deliveries_that_are_written_together_count_in_their_order(books: Store):
    new = new_run(environment="", kind="merge_request", merge_request=3)
    batch = [
        delivery("open", runs=(new,)),
        delivery("close", runs=(), ignored="closed", needless=(OVER,)),
        delivery("reopen", runs=(new,)),
    ]

    first, _, second = books.inbox._receive_all(batch)

    assert [books.runs.run(number).status for number in (*first.runs, *second.runs)] == [
        RunStatus.SUPERSEDED,
        RunStatus.QUEUED,
    ]
