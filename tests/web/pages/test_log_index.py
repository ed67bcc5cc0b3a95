"""Where lines begin: right for every way in which a log can have grown."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.web.pages.log_excerpt import MOST_FOUND, matches
from pipeline.web.pages.log_index import STEP, LogIndexes
from runners.stand_ins.logs import MemoryLogs


class Books:
    def __init__(self):
        self.logs = MemoryLogs()


@pytest.fixture
def books():
    return Books()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["build", "test"]), st.integers(0, 1200), st.sampled_from(["", "x", "é"])),
        max_size=6,
    )
)
def test_any_line_is_found_however_the_log_grew(pieces):
    books = Books()
    grown = LogIndexes(books)
    whole = b""
    for stage, lines, rest in pieces:
        text = "".join(f"{n} ü\n" for n in range(lines)) + rest
        books.logs.append(7, stage, text)
        books.logs.close(7, stage)
        whole += text.encode()
        grown.index(7)
    expected = whole.split(b"\n")[: None if whole and not whole.endswith(b"\n") else -1]

    index = grown.index(7)

    assert index == LogIndexes(books).index(7)
    assert index.lines == len(expected)
    assert [whole.count(b"\n", 0, at) for at in index.offsets] == [
        k * STEP for k in range(len(index.offsets))
    ]
    assert grown.lines(7, 0, index.lines) == expected
    assert grown.lines(7, STEP - 2, STEP + 2) == expected[STEP - 2 : STEP + 2]
    assert b"".join(grown.pieces(7)) == whole


def test_a_log_that_begins_anew_is_counted_anew(books):
    indexes = LogIndexes(books)
    books.logs.append(7, "build", "a\nb\n")
    indexes.index(7)
    books.logs = MemoryLogs()
    books.logs.append(7, "build", "c\n")

    assert indexes.lines(7, 0, 5) == [b"c"]


def test_a_search_stops_when_it_has_found_very_much(books):
    books.logs.append(7, "build", "Aa a\n" * (MOST_FOUND + 10))

    found = matches(LogIndexes(books), 7, "A")

    assert found.lines == tuple(range(1, MOST_FOUND + 1))
    assert found.more


def test_a_search_counts_lines_across_pieces(books, monkeypatch):
    monkeypatch.setattr("pipeline.web.pages.log_index.PIECE", 7)
    books.logs.append(7, "build", "one\ntwo\nthree two\n\nlast two")

    assert matches(LogIndexes(books), 7, "two").lines == (2, 3, 5)
