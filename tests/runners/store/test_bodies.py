"""Bodies of webhooks: what goes in comes out, also what an older Shipway had put in."""

import zlib

import pytest

from runners.store.bodies import packed, unpacked

PUSH = b'{"ref": "refs/heads/main"}' * 100


@pytest.mark.parametrize("body", [b"", b"{}", PUSH, b"\0" * 1000])
def test_a_body_comes_out_as_it_went_in(body):
    assert [unpacked(kept) for kept in packed([body, PUSH])] == [body, PUSH]


@pytest.mark.parametrize("level", [1, 6, 9])
def test_a_body_that_was_kept_as_zlib_still_comes_out(level):
    assert unpacked(zlib.compress(PUSH, level)) == PUSH


def test_a_body_that_repeats_itself_takes_little_room():
    assert len(packed([PUSH])[0]) < len(PUSH) / 10
