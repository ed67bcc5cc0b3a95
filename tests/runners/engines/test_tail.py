"""The end of an output never begins in the middle of a word."""

import pytest

from runners.engines.tail import tail


@pytest.mark.parametrize(
    ("text", "size", "end"),
    [
        ("short", 10, "short"),
        ("one\ntwo\nthree", 9, "two\nthree"),
        ("one\ntwo\nthree", 8, "three"),
        ("one\ntwo\nthree\n", 8, "three\n"),
        ("DB=hush-hush is it", 12, "is it"),
        ("DB=hush-hush is it\n", 13, "is it\n"),
        ("one word-that-is-long", 8, ""),
    ],
)
def test_the_end_of_an_output_begins_with_a_whole_line_or_word(text, size, end):
    assert tail(text, size) == end
