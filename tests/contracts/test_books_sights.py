"""The contract of the looks in `pipeline.books.Inbox`: a look and a webhook that meet start one run, in any order."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.intake.inbox import SWEEP, NewDelivery, Received
from pipeline.intake.sight import Comparison, Move, Sight
from runners.store import Store, open_store
from tests.contracts.samples import delivery, new_run

A, B, C, D = (letter * 40 for letter in "abcd")
MAIN = "refs/heads/main"
PLACE = "https://git.example.com/shop.git"


def move(commit: str, before: str = "", ref: str = MAIN) -> Move:
    return Move("shop", ref, commit, before)


def webhook(commit: str, before: str = "", **changes: object) -> NewDelivery:
    runs = (new_run(commit=commit),) if commit else ()
    plain = delivery(f"{before[:1]}>{commit[:1]}", runs=runs, moves=(move(commit, before),))
    return replace(plain, **changes)


def look(
    books: Store, sight: Sight, missed: Move | None = None, noted: Move | None = None
) -> Received | None:
    new = None
    if missed:
        run = new_run(commit=missed.commit, requested_by="sweep")
        new = delivery(f"shop:{sight.version}", forge=SWEEP, event="look", runs=(run,))
    found = Comparison((missed,) if missed else (), (noted,) if noted else ())
    return books.inbox.saw(replace(sight, address=PLACE, bound=("refs/heads/*",)), found, new)


def seen(books: Store, commit: str = A) -> Sight:
    """The books after a first look."""
    look(books, books.inbox.sight("shop"), noted=move(commit))
    return books.inbox.sight("shop")


def commits(books: Store) -> list[str]:
    return [run.commit for run in reversed(books.runs.runs(limit=500))]


def test_nothing_is_known_of_a_repository_before_the_first_look(books: Store):
    assert books.inbox.sight("shop") == Sight("shop")


def test_a_first_look_is_written_down_and_starts_nothing(books: Store):
    assert seen(books) == Sight("shop", 1, PLACE, ("refs/heads/*",), {MAIN: A})
    assert commits(books) == []


def test_a_missed_push_becomes_a_queued_run_of_a_delivery(books: Store):
    received = look(books, seen(books), move(B, A))

    assert received is not None
    run = books.runs.run(received.runs[0])
    assert (run.commit, run.requested_by, run.delivery) == (B, "sweep", received.id)
    assert books.inbox.sight("shop").heads == {MAIN: B}


def test_two_looks_at_the_same_start_once(books: Store):
    sight = seen(books)

    first, second = look(books, sight, move(B, A)), look(books, sight, move(B, A))

    assert (first is None, second is None) == (False, True)
    assert commits(books) == [B]


def test_a_look_that_was_overtaken_by_the_webhook_starts_nothing(books: Store):
    sight = seen(books)
    books.inbox.receive(webhook(B, A))

    received = look(books, sight, move(B, A))

    assert received is None
    assert commits(books) == [B]


def test_a_look_from_before_the_push_does_not_take_it_for_a_way_back(books: Store):
    """The answer of the forge says A, the webhook of B comes, then the look is written down."""
    sight = seen(books, C)
    books.inbox.receive(webhook(B, C))

    assert look(books, sight, move(A, C)) is None
    assert books.inbox.sight("shop").heads == {MAIN: B}


def test_a_late_webhook_of_what_a_look_found_names_its_run(books: Store):
    received = look(books, seen(books), move(B, A))
    assert received is not None

    late = books.inbox.receive(webhook(B, A))

    assert late.runs == ()
    assert late.ignored.endswith(f"and started run {received.runs[0]} for what it found")
    assert books.inbox.deliveries()[0].ignored == late.ignored
    assert commits(books) == [B]


def test_late_webhooks_on_the_way_to_what_a_look_found_start_nothing(books: Store):
    look(books, seen(books), move(C, A))

    answers = [books.inbox.receive(webhook(B, A)), books.inbox.receive(webhook(C, B))]

    assert [answer.runs for answer in answers] == [(), ()]
    assert commits(books) == [C]


def test_a_push_after_a_look_is_a_push(books: Store):
    look(books, seen(books), move(B, A))

    books.inbox.receive(webhook(C, B))

    assert commits(books) == [B, C]


def test_a_push_back_to_what_a_look_had_found_is_a_push_again(books: Store):
    look(books, seen(books), move(B, A))
    books.inbox.receive(webhook(B, A))
    books.inbox.receive(webhook(C, B))

    books.inbox.receive(webhook(B, C))

    assert commits(books) == [B, C, B]


def test_a_late_webhook_still_starts_what_the_look_did_not(books: Store):
    look(books, seen(books), move(B, A))
    other = Move("blog", MAIN, B, A)

    late = books.inbox.receive(
        webhook(
            B,
            A,
            runs=(new_run(commit=B), new_run(service="blog", commit=B)),
            moves=(move(B, A), other),
        )
    )

    assert [books.runs.run(number).service for number in late.runs] == ["blog"]


def test_a_push_that_asked_to_be_skipped_is_not_missed(books: Store):
    sight = seen(books)

    books.inbox.receive(webhook(B, A, runs=(), ignored="asks to be skipped"))

    assert books.inbox.sight("shop").heads == {MAIN: B}
    assert look(books, sight, move(B, A)) is None


def test_a_branch_that_came_back_at_the_same_commit_is_new(books: Store):
    seen(books)
    books.inbox.receive(webhook("", A))

    received = look(books, books.inbox.sight("shop"), move(A))

    assert received is not None
    assert commits(books) == [A]


def test_what_somebody_started_by_hand_is_not_started_again(books: Store):
    sight = seen(books)
    books.runs.add(new_run(commit=B, requested_by="api:mia"))

    received = look(books, sight, move(B, A))

    assert received is not None
    assert (received.runs, received.ignored) == ((), "somebody had started this commit by hand")
    assert books.inbox.sight("shop").heads == {MAIN: B}


def test_another_address_is_another_repository(books: Store):
    sight = seen(books)
    found = Comparison((), (move(B, A),))

    books.inbox.saw(replace(sight, address="https://elsewhere/shop.git"), found, None)

    assert books.inbox.sight("shop").heads == {MAIN: B}
    assert commits(books) == []


def test_a_trouble_keeps_its_beginning_and_ends_with_a_look(books: Store):
    sight = seen(books)
    books.inbox.trouble("shop", "no answer")
    since = books.inbox.troubles()["shop"].since
    books.inbox.trouble("shop", "401")

    assert (books.inbox.troubles()["shop"].reason, books.inbox.troubles()["shop"].since) == ("401", since)
    assert books.inbox.sight("shop").trouble == "401"
    look(books, sight)
    assert books.inbox.troubles() == {}


def test_a_trouble_before_the_first_look_leaves_it_the_first(books: Store):
    books.inbox.trouble("shop", "no answer")

    assert books.inbox.sight("shop").version == 0
    assert seen(books).heads == {MAIN: A}


def test_a_look_of_ten_thousand_tags_is_one_write(books: Store):
    noted = tuple(move(A, ref=f"refs/tags/v{number}") for number in range(10_000))

    books.inbox.saw(Sight("shop", 0, PLACE), Comparison((), noted), None)

    assert len(books.inbox.sight("shop").heads) == 10_000


@pytest.fixture
def rival(books_url: str, tmp_path: Path):
    store = open_store(books_url, str(tmp_path / "keys"))
    yield store
    store.close()


def test_two_looks_and_the_webhook_at_one_moment_start_one_run(books: Store, rival: Store):
    sight, before = seen(books), A
    with ThreadPoolExecutor(3) as pool:
        for number in range(50):
            commit = f"{number + 1:040x}"
            hook = webhook(commit, before, key=f"k{number}")
            missed = move(commit, before)
            jobs: list[Callable[[], object]] = [
                lambda s=sight, m=missed: look(books, s, m),
                lambda s=sight, m=missed: look(rival, s, m),
                lambda h=hook: rival.inbox.receive(h),
            ]
            for done in [pool.submit(job) for job in jobs]:
                done.result()
            before, sight = commit, books.inbox.sight("shop")

    assert commits(books) == [f"{number + 1:040x}" for number in range(50)]
