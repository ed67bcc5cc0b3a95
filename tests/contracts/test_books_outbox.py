"""The contract of the outbox: what changed waits until it was told, in the transaction of the change, and no change is lost."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from pipeline.delivery.run import Stage, StageName, StageStatus
from pipeline.errors import Stopped
from pipeline.lease import Lease
from pipeline.reports.report import Message, Noun, Said
from pipeline.rollout.deployment import Status
from runners.store import Store
from tests.contracts.samples import AT, begun, created, delivery, handed_over, lease_run, new_run, settle


def hold(books: Store, owner: str = "teller-1") -> Lease:
    lease = books.leases.take("reports", owner, 30)
    assert lease is not None
    return lease


def waiting(books: Store) -> list[tuple[str, int]]:
    return [(message.noun.value, message.number) for message in books.outbox.waiting(AT)]


def tell_all(books: Store) -> None:
    lease = hold(books)
    for message in books.outbox.waiting(AT):
        books.outbox.save(replace(message, service="shop"), True, lease)
    books.leases.give_back(lease)


def test_a_new_run_waits(books: Store):
    run = books.runs.add(new_run())

    assert waiting(books) == [("run", run.id)]


def test_a_webhook_leaves_its_runs_in_its_own_transaction(books: Store):
    received = books.inbox.receive(delivery())

    assert waiting(books) == [("run", received.runs[0])]


def test_each_stage_waits_again(books: Store):
    run_id, lease = begun(books)
    tell_all(books)

    books.runs.save_stage(run_id, Stage(StageName.BUILD, StageStatus.RUNNING), lease)

    assert waiting(books) == [("run", run_id)]


def test_what_changes_nothing_that_is_told_does_not_wait(books: Store):
    run_id, lease = begun(books)
    books.runs.save_stage(run_id, Stage(StageName.BUILD, StageStatus.RUNNING), lease)
    tell_all(books)

    books.runs.save_stage(run_id, Stage(StageName.BUILD, StageStatus.RUNNING), lease)

    assert waiting(books) == []


def test_a_run_that_was_superseded_in_the_queue_waits(books: Store):
    old = books.runs.add(new_run())
    tell_all(books)

    new = books.runs.add(new_run(commit="b" * 40))

    assert sorted(waiting(books)) == [("run", old.id), ("run", new.id)]


def test_a_deployment_and_the_run_that_waits_for_it_wait_when_it_ends(books: Store):
    run_id, number = handed_over(books)
    tell_all(books)

    settle(books, number)

    assert sorted(waiting(books)) == [("deployment", number), ("run", run_id)]


def test_a_look_of_the_driver_that_moves_no_status_does_not_wait(books: Store):
    made = created(books)
    settle(books, made.id, Status.ROLLING)
    tell_all(books)

    settle(books, made.id, Status.ROLLING, error="looked again")

    assert waiting(books) == []


def test_a_transaction_that_fails_leaves_nothing(books: Store):
    run_id, lease = begun(books)
    tell_all(books)
    books.leases.give_back(lease)

    with pytest.raises(Stopped):
        books.runs.save_stage(run_id, Stage(StageName.BUILD, StageStatus.RUNNING), lease)

    assert waiting(books) == []


def test_many_changes_are_one_message(books: Store):
    run_id, lease = begun(books)
    for stage in StageName:
        books.runs.save_stage(run_id, Stage(stage, StageStatus.SUCCEEDED), lease)

    (message,) = books.outbox.waiting(AT)

    assert (message.noun, message.number, message.since is not None) == (Noun.RUN, run_id, True)


def test_a_change_that_comes_while_it_is_told_stays(books: Store):
    run_id, lease = begun(books)
    (message,) = books.outbox.waiting(AT)
    books.runs.save_stage(run_id, Stage(StageName.BUILD, StageStatus.RUNNING), lease)

    books.outbox.save(replace(message, service="shop"), True, hold(books))

    assert waiting(books) == [("run", run_id)]


def test_what_was_told_is_remembered(books: Store):
    run = books.runs.add(new_run())
    (message,) = books.outbox.waiting(AT)
    said = {"status:shipway/build": Said("d1", "7")}
    late = replace(message, service="shop", said=said, tries=2, retry_at=AT, error="it was away")

    books.outbox.save(late, False, hold(books))

    assert books.outbox.waiting(AT) == [replace(late, number=run.id)]


def test_a_service_that_has_to_wait_waits_as_a_whole(books: Store):
    books.runs.add(new_run())
    books.runs.add(new_run(service="zoo"))
    message = books.outbox.waiting(AT)[0]
    soon = AT + timedelta(seconds=8)
    books.outbox.save(replace(message, tries=1, retry_at=soon), False, hold(books))

    books.runs.add(new_run(environment="test"))

    assert [message.service for message in books.outbox.waiting(AT)] == ["zoo"]
    assert [message.service for message in books.outbox.waiting(soon)] == ["shop", "zoo", "shop"]
    assert (books.outbox.next_try(AT), books.outbox.next_try(soon)) == (soon, None)


def test_who_lost_the_lease_writes_nothing(books: Store):
    books.runs.add(new_run())
    (message,) = books.outbox.waiting(AT)
    stale = hold(books)
    books.leases.give_back(stale)
    hold(books, "teller-2")

    with pytest.raises(Stopped):
        books.outbox.save(replace(message, service="shop"), True, stale)

    assert len(books.outbox.waiting(AT)) == 1


def test_what_nobody_is_to_be_told_is_dropped(books: Store):
    books.runs.add(new_run())

    books.outbox.drop(books.outbox.waiting(AT)[0], hold(books))

    assert books.outbox.waiting(AT) == []


def test_it_is_busy_while_anything_is_not_over(books: Store):
    assert not books.outbox.busy()
    run = books.runs.add(new_run())
    assert books.outbox.busy()

    books.runs.finish(run.id, "cancelled", "", lease_run(books, run.id))

    assert not books.outbox.busy()


def fail(books: Store, message: Message, error: str) -> None:
    lease = hold(books)
    books.outbox.save(replace(message, service="shop", error=error), True, lease)
    books.leases.give_back(lease)


def test_the_last_word_of_a_service_is_its_trouble(books: Store):
    books.runs.add(new_run())
    fail(books, books.outbox.waiting(AT)[0], "wrong token")

    (trouble,) = books.outbox.troubles()

    assert (trouble.service, trouble.error, trouble.final) == ("shop", "wrong token", True)


def test_a_trouble_is_over_with_the_next_that_is_told(books: Store):
    books.runs.add(new_run())
    fail(books, books.outbox.waiting(AT)[0], "wrong token")
    books.runs.add(new_run(environment="test"))

    tell_all(books)

    assert books.outbox.troubles() == []


def test_what_was_told_long_ago_is_let_go(books: Store):
    books.runs.add(new_run())
    fail(books, books.outbox.waiting(AT)[0], "wrong token")
    run = books.runs.run(1)

    books.outbox.tidy(run.created_at + timedelta(days=31), True)

    assert books._database.read(lambda tx: tx.execute(text("SELECT count(*) FROM reports")).scalar()) == 0


def test_without_a_forge_to_tell_nothing_piles_up(books: Store):
    run = books.runs.add(new_run())

    books.outbox.tidy(run.created_at, False)

    assert books.outbox.waiting(AT) == []
