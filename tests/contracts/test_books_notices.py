"""The contract of the book of notices: each change worth one leaves a moment in its own transaction, judged once; notices wait,
fold, and are never lost. On both databases."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from pipeline.errors import Stopped
from pipeline.intake.sight import Comparison, Sight
from pipeline.lease import Lease
from pipeline.notices.notice import Draft, Fate
from pipeline.rollout.deployment import Happening, Status
from runners.store import Store
from tests.contracts.samples import AT, begun, created, handed_over, lease_deployment, new_run, settle

WINDOW = 300.0


def hold(books: Store) -> Lease:
    lease = books.leases.take("notices", "teller", 60)
    assert lease is not None
    return lease


def kinds(books: Store) -> list[str]:
    return [moment.kind for moment in books.notices.moments()]


def draft(**changes: object) -> Draft:
    plain = Draft(
        "all", "x:1", "run.failed", "shop/production", "run.failed shop", "{}", AT, AT, False, WINDOW
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def judged(books: Store, lease: Lease, *drafts: Draft) -> None:
    books.runs.cancel(books.runs.add(new_run()).id)
    books.notices.accept(books.notices.moments(1)[0], drafts, lease)


def test_a_run_that_ends_leaves_one_moment(books: Store):
    run, lease = begun(books)
    assert kinds(books) == []

    books.runs.finish(run, "failed", "boom", lease)

    moment = books.notices.moments()[0]
    assert (moment.kind, moment.number, moment.service, moment.environment) == (
        "run.failed", run, "shop", "production",
    )  # fmt: skip


def test_a_run_that_waits_for_an_approval_leaves_one(books: Store):
    run, lease = begun(books)

    books.runs.wait_for_approval(run, lease)

    assert kinds(books) == ["run.waits"]


@pytest.mark.parametrize(
    ("status", "left"),
    [
        (Status.SUCCEEDED, ["deployment.succeeded", "run.succeeded"]),
        (Status.FAILED, ["deployment.failed", "run.failed"]),
        (Status.ROLLED_BACK, ["deployment.rolled_back", "run.failed"]),
        (Status.AWAITING_PROMOTION, ["deployment.awaiting_promotion"]),
        (Status.ROLLING, []),
    ],
)
def test_a_deployment_leaves_one_where_people_care(status: Status, left: list[str], books: Store):
    _, number = handed_over(books)

    settle(books, number, status)

    assert kinds(books) == left


def test_a_rollback_that_is_blocked_leaves_one_for_each_reason(books: Store):
    made = created(books)
    lease = lease_deployment(books, made.id)
    happenings = [Happening(AT, "blocked", "no such image"), Happening(AT, "status", "rolling_back")]

    books.deployments.save(replace(made, status=Status.ROLLING_BACK), happenings, lease)

    moment = books.notices.moments()[0]
    assert kinds(books) == ["deployment.blocked"]
    assert (moment.number, moment.service, moment.environment) == (made.id, "shop", "production")


def test_hosts_and_repositories_that_come_and_go_leave_one_each_time(books: Store):
    books.fleet.silent("web-1", AT)
    books.fleet.silent("web-1", AT)
    books.fleet.answers("web-1", AT)
    books.inbox.saw(Sight("shop"), Comparison(), None)
    books.inbox.trouble("shop", "no route")
    books.inbox.trouble("shop", "refused")
    books.inbox.saw(Sight("shop", 1), Comparison(), None)

    moments = books.notices.moments()

    assert [(m.kind, m.name or m.service) for m in moments] == [
        ("host.lost", "web-1"), ("host.back", "web-1"), ("repository.lost", "shop"), ("repository.back", "shop"),
    ]  # fmt: skip


def test_what_is_rolled_back_by_the_database_leaves_nothing(books: Store):
    with pytest.raises(ZeroDivisionError):
        books._database.write(lambda tx: (tx.execute(text("UPDATE runs SET status = 'failed'")), 1 // 0))

    assert kinds(books) == []


def test_a_moment_is_judged_once(books: Store):
    run, lease = begun(books)
    books.runs.finish(run, "failed", "boom", lease)
    moment, lease = books.notices.moments()[0], hold(books)

    books.notices.accept(moment, [draft()], lease)
    books.notices.accept(moment, [draft()], lease)

    assert kinds(books) == []
    assert [one.count for one in books.notices.notices()] == [1]


def test_the_same_joins_what_still_waits_with_its_own_words(books: Store):
    lease = hold(books)
    judged(books, lease, draft(body="first"), draft(target="y:2"))

    judged(books, lease, draft(body="second"))

    found = {one.target: one for one in books.notices.notices()}
    assert (found["x:1"].body, found["x:1"].count, found["y:2"].count) == ("second", 2, 1)


def test_what_was_told_lately_is_told_again_at_the_end_of_the_window(books: Store):
    lease = hold(books)
    judged(books, lease, draft())
    books.notices.sent(books.notices.due(AT), AT, lease)

    judged(books, lease, draft(), draft(fold=""), draft(fold="other"))

    late = AT + timedelta(seconds=WINDOW)
    assert sorted(one.due_at for one in books.notices.notices(fate=Fate.WAITING)) == [AT, AT, late]
    assert books.notices.next_due() == AT


def test_what_went_out_together_counts_as_one_message(books: Store):
    lease = hold(books)
    judged(books, lease, *(draft(fold="") for _ in range(3)))
    due = books.notices.due(AT)

    books.notices.sent(due[:2], AT, lease)
    books.notices.sent(due[2:], AT, lease)

    assert books.notices.sent_since("x:1", AT - timedelta(seconds=60)) == 2
    assert books.notices.sent_since("x:1", AT) == 0
    assert books.notices.sent_since("y:2", AT - timedelta(seconds=60)) == 0


def test_one_that_has_to_wait_makes_all_of_its_target_wait(books: Store):
    lease, later = hold(books), AT + timedelta(seconds=9)
    judged(books, lease, draft(fold=""), draft(fold=""), draft(target="y:2"))

    books.notices.put_off(books.notices.due(AT)[:1], later, "away", lease)

    assert [one.target for one in books.notices.due(AT)] == ["y:2"]
    assert [(one.tries, one.error) for one in books.notices.due(later)] == [(1, "away"), (0, ""), (0, "")]


def test_the_dead_are_kept_and_counted(books: Store):
    lease = hold(books)
    judged(books, lease, draft(), draft(target="y:2"))

    books.notices.bury(books.notices.due(AT)[:1], "refused", lease)

    assert books.notices.depth() == {"waiting": 1, "dead": 1}
    assert [one.error for one in books.notices.notices(fate="dead")] == ["refused"]


def test_who_lost_the_lease_writes_nothing(books: Store):
    lease = hold(books)
    judged(books, lease, draft())
    books.leases.give_back(lease)
    hold(books)

    with pytest.raises(Stopped):
        books.notices.sent(books.notices.due(AT), AT, lease)

    assert len(books.notices.due(AT)) == 1


def test_old_ones_go_and_moments_that_nobody_will_judge(books: Store):
    lease = hold(books)
    judged(books, lease, draft(), draft(target="y:2"))
    books.notices.sent(books.notices.due(AT)[:1], AT, lease)
    books.runs.cancel(books.runs.add(new_run()).id)
    long_after = datetime.fromisoformat("2027-01-01T00:00:00+00:00")

    books.notices.tidy(long_after, listened=True)
    assert [one.target for one in books.notices.notices()] == ["y:2"]
    assert len(kinds(books)) == 1

    books.notices.tidy(long_after, listened=False)
    assert kinds(books) == []


def test_a_run_that_waits_for_approval_keeps_nobody_awake(books: Store):
    run, lease = begun(books)
    assert books.notices.busy()

    books.runs.wait_for_approval(run, lease)

    assert not books.notices.busy()
