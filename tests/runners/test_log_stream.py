"""How long a stage's log may get: its beginning, a line that tells what is missing, its end."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runners.log_stream import StageStream
from runners.mask import Mask

LIMIT = 2000
GAP = re.compile(r"\[shipway\] [\d.]+ MB were cut here: (\d+) bytes, from byte (\d+) to (\d+) of .*\n")
NOTHING = Mask(())


def kept(pieces, limit=LIMIT, mask=NOTHING, spent=0):
    stream = StageStream(mask, limit, spent)
    return "".join([*(stream.feed(piece) for piece in pieces), stream.end()])


def lines(count):
    return [f"{number:6} ünïcode €\n" for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 50, 73, 74, 75])
def test_what_fits_is_kept_as_it_is(count):
    text = "".join(lines(count))
    assert len(text.encode()) < LIMIT - 320

    assert kept(lines(count)) == text


@settings(deadline=None)
@given(st.lists(st.text("ab\nü€🚀", max_size=300), max_size=40), st.integers(700, 4000))
def test_the_gap_says_to_the_byte_what_is_missing_and_where(pieces, limit):
    printed = "".join(pieces).encode()

    out = kept(pieces, limit).encode()

    assert len(out) <= limit
    gap = GAP.search(out.decode())
    if gap is None:
        assert out == printed
        return
    missing, begin, end = map(int, gap.groups())
    before, after = out.decode()[: gap.start()].encode(), out.decode()[gap.end() :].encode()
    assert (before.partition(b"[shipway]")[0].rstrip(b"\n"), missing) == (
        printed[:begin].rstrip(b"\n"),
        end - begin,
    )
    assert after == printed[end:]


@settings(deadline=None)
@given(
    st.lists(st.text("abcdef\r\nü", max_size=200), max_size=40),
    st.integers(0, 3000),
    st.integers(0, 2000),
)
def test_the_bound_holds_whatever_is_printed_hidden_or_spent(pieces, limit, spent):
    out = kept(pieces, limit, Mask(["abcd", "abcdefabcdef", "fedc\nfedc"]), spent)

    assert len(out.encode()) <= max(0, limit - spent)


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(0, 40))
def test_no_part_of_a_secret_shows_at_the_edges_of_the_gap(before, after):
    secret = "hunter2-hunter2-hunter2"
    pieces = ["x" * before, *[secret + " " * after] * 200]

    out = kept(pieces, 1500, Mask([secret]))

    assert GAP.search(out)
    assert "hunter2" not in out.replace("***", "")
    assert "unter" not in out


def test_an_end_without_a_line_feed_is_kept():
    out = kept(["head\n", "x" * 10_000, "the end"])

    assert out.endswith("the end")


def test_a_follower_is_told_at_once_that_the_rest_is_left_out():
    stream = StageStream(NOTHING, LIMIT)

    said = "".join(stream.feed(line) for line in lines(200))

    assert said.endswith(
        "[shipway] This log reached its limit, 0.0 MB: of the rest only the end is kept, and shown when it is over.\n"
    )
    assert stream.feed("more\n") == ""


def test_memory_stays_bounded_while_much_rushes_by():
    stream = StageStream(NOTHING, 1 << 20)

    for _ in range(1600):
        stream.feed(("x" * 127 + "\n") * 1024)

    assert len(stream._tail.text) <= 4 * (64 << 10)
