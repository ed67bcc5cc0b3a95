"""The contract of `pipeline.books.Runs`: runs of merge requests."""

from typing import Any

import pytest

from pipeline.delivery.run import NewRun
from pipeline.errors import Refused
from runners.store import Store
from tests.contracts.samples import (
    deployment,
    lease_run,
    new_run,
    release,
)


def of_request(number: int = 3, **changes: Any) -> NewRun:
    asked = {"environment": "", "kind": "merge_request", "ref": f"refs/pull/{number}/head"}
    return new_run(**asked, merge_request=number, target="main", **changes)


def test_a_run_of_a_merge_request_reads_back_as_it_was_asked_for(books: Store):
    run = books.runs.run(books.runs.add(of_request(fork=True)).id)

    assert (run.environment, run.merge_request, run.target, run.fork) == ("", 3, "main", True)
    assert run.place == "merge request 3"


def test_a_newer_run_supersedes_queued_ones_of_its_merge_request_only(books: Store):
    old, other, push = (books.runs.add(new).id for new in (of_request(), of_request(4), new_run()))

    new = books.runs.add(of_request(commit="b" * 40)).id

    assert [books.runs.run(n).status for n in (old, other, push, new)] == [
        "superseded",
        "queued",
        "queued",
        "queued",
    ]
    assert f"Run {new}," in books.runs.run(old).error
    assert books.runs.due() == [other, push, new]


def test_runs_of_merge_requests_and_of_an_environment_run_side_by_side(books: Store):
    ids = [books.runs.add(new).id for new in (of_request(), of_request(4), new_run())]

    begun_runs = [books.runs.begin(number, lease_run(books, number)) for number in ids]

    assert [run.status for run in begun_runs if run] == ["running"] * 3


def test_begin_refuses_a_second_run_of_the_same_merge_request(books: Store):
    first = books.runs.add(of_request())
    books.runs.begin(first.id, lease_run(books, first.id))
    second = books.runs.add(of_request())

    assert books.runs.begin(second.id, lease_run(books, second.id)) is None
    assert books.runs.due() == []


def test_a_run_of_a_merge_request_is_never_handed_over(books: Store):
    run = books.runs.add(of_request())
    lease = lease_run(books, run.id)
    books.runs.begin(run.id, lease)

    with pytest.raises(Refused, match="never deployed"):
        books.runs.hand_over(run.id, release(), deployment(release()), lease)
    assert books.releases.releases("shop") == []


def test_a_retried_run_of_a_merge_request_stays_one(books: Store):
    run = books.runs.add(of_request(fork=True))
    books.runs.cancel(run.id)

    again = books.runs.retry(run.id, "api:mia")

    assert (again.merge_request, again.fork, again.ref, again.requested_by) == (3, True, run.ref, "api:mia")
