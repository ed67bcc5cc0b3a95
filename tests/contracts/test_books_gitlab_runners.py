"""The contract of `pipeline.gitlab_runner.desk.RunnerBooks`."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.errors import Stopped
from pipeline.fleet.gitlab_runners import RunnerScope
from pipeline.fleet.host import Host, SshFiles, TlsFiles
from pipeline.gitlab_runner.runner import Record, Slot
from pipeline.lease import Lease
from pipeline.secret import Secret
from runners.store import Store

SLOT = Slot("ci", "web-1", 1)
HOST = Host(
    "web-1",
    "tcp://10.0.0.11:2376",
    "10.0.0.11",
    region="hz",
    labels={"role": "ci"},
    tls=TlsFiles("/ca", "/cert", "/key"),
    ssh=SshFiles("/id", "/known"),
    ports=(30000, 30010),
)
RECORD = Record(
    SLOT,
    HOST,
    "https://gitlab.example.com",
    RunnerScope.GROUP,
    7,
    "shipway here ci/web-1/1 000000000001",
    "r_000000000001",
    3600.0,
    ca="/etc/shipway/ca.pem",
    runner=12,
    token=Secret("glrt-hush"),
    drain_by=datetime(2026, 11, 27, 12, tzinfo=UTC),
)


def lease(books: Store) -> Lease:
    taken = books.leases.take("gitlab-runners", "ada", 60.0)
    assert taken is not None
    return taken


def test_a_record_comes_back_as_it_was(books: Store):
    books.gitlab_runners.save(RECORD, lease(books))

    assert books.gitlab_runners.records() == {SLOT: RECORD}


def test_a_later_record_takes_the_place_of_the_first(books: Store):
    held = lease(books)
    books.gitlab_runners.save(replace(RECORD, runner=0, token=Secret("")), held)
    books.gitlab_runners.save(replace(RECORD, drain_by=None), held)

    assert books.gitlab_runners.records() == {SLOT: replace(RECORD, drain_by=None)}


def test_a_record_is_forgotten_once_and_for_all(books: Store):
    held = lease(books)
    books.gitlab_runners.save(RECORD, held)

    books.gitlab_runners.forget(SLOT, held)
    books.gitlab_runners.forget(SLOT, held)

    assert books.gitlab_runners.records() == {}


def test_who_lost_the_lease_writes_nothing(books: Store):
    old = lease(books)
    books.gitlab_runners.save(RECORD, old)
    books.leases.give_back(old)
    lease(books)

    for write in (lambda: books.gitlab_runners.save(replace(RECORD, runner=1), old),
                  lambda: books.gitlab_runners.forget(SLOT, old)):  # fmt: skip
        with pytest.raises(Stopped):
            write()
    assert books.gitlab_runners.records() == {SLOT: RECORD}


def test_a_trouble_is_news_only_once_and_stays_over_a_save(books: Store):
    held = lease(books)
    books.gitlab_runners.save(RECORD, held)

    news = [books.gitlab_runners.trouble(SLOT, text) for text in ("", "down", "down", "", "")]
    books.gitlab_runners.trouble(SLOT, "down")
    books.gitlab_runners.save(RECORD, held)

    assert news == [False, True, False, True, False]
    assert books.gitlab_runners.records()[SLOT].trouble == "down"
    assert not books.gitlab_runners.trouble(Slot("ci", "web-9", 1), "down")


def test_a_new_sealing_key_opens_its_token(books: Store):
    books.gitlab_runners.save(RECORD, lease(books))

    assert books.rotate() == 1
    assert books.gitlab_runners.records()[SLOT].token.reveal() == "glrt-hush"
