"""The contract of `pipeline.scaling.book.ScalingBook`; the stand-in keeps it too."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.scaling.book import ScalingBook
from pipeline.scaling.group import Decided, Figure, Memory, Sample, Verdict

NOON = datetime(2026, 3, 2, 12, 0, 0, 250_000, tzinfo=UTC)
MEMORY = Memory(
    at=NOON,
    above=2,
    below=1,
    wanted=((NOON - timedelta(seconds=15), 3), (NOON, 4)),
    changed_at=NOON - timedelta(minutes=9),
    samples={"abc": Sample(NOON, 12.5, 1 << 30, 900), "def": Sample(NOON)},
    verdict=Verdict.COUNTING,
    reason="cpu is 90 %, more than 60 %: look 2 of 3",
    size=3,
    low=1,
    high=10,
    figures=(Figure("cpu", 60.0, 90.0), Figure("query", 5.0, None, "Prometheus has no data")),
)
LINE = Decided("shop/production", NOON, Verdict.OUT, 3, 4, "cpu is 90 %", 17)


@pytest.fixture
def book(any_books: Any) -> ScalingBook:
    found: ScalingBook = any_books.scaling
    return found


def test_a_memory_is_read_as_it_was_written(book):
    book.save({"shop/production": MEMORY, "shop/test": Memory(at=NOON)}, [])

    assert book.memories() == {"shop/production": MEMORY, "shop/test": Memory(at=NOON)}


def test_the_latest_memory_counts_and_the_others_stay(book):
    book.save({"shop/production": MEMORY, "shop/test": Memory(at=NOON)}, [])
    later = replace(MEMORY, at=NOON + timedelta(seconds=15), above=3)

    book.save({"shop/production": later}, [])

    assert book.memories() == {"shop/production": later, "shop/test": Memory(at=NOON)}


def test_decisions_are_listed_newest_first_and_of_one_group(book):
    second = replace(LINE, at=NOON + timedelta(seconds=15), verdict=Verdict.AT_MAX, before=4, deployment=None)
    book.save({}, [LINE, replace(LINE, group="shop/test")])
    book.save({}, [second])

    found = book.decisions("shop/production")

    assert [replace(one, id=0) for one in found] == [second, LINE]
    assert found[0].id > found[1].id > 0
    assert len(book.decisions("shop/production", 1)) == 1
    assert list(book.decisions("shop")) == []


def test_what_is_old_goes(book):
    book.save(
        {"shop/production": MEMORY, "shop/gone": replace(MEMORY, at=NOON - timedelta(days=100))}, [LINE]
    )
    book.save({}, [replace(LINE, at=NOON - timedelta(days=100))])

    book.tidy(NOON - timedelta(days=90))

    assert list(book.memories()) == ["shop/production"]
    assert len(book.decisions("shop/production")) == 1
