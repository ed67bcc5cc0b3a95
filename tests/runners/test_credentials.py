"""Credentials that nobody configured, found by where they stand, however the stream is cut."""

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runners.mask import Mask, StreamMask

NOTHING = Mask(())


def through(pieces: list[str], mask: Mask = NOTHING) -> str:
    stream = StreamMask(mask)
    return "".join([*(stream.feed(piece) for piece in pieces), stream.flush()])


@pytest.mark.parametrize(
    ("printed", "kept"),
    [
        ("clone https://robot:glpat-123@git.example.com/shop.git\n", "clone https://***@git.example.com/shop.git\n"),
        ("HTTPS://ghp_0123456789@github.com/a", "HTTPS://***@github.com/a"),
        ("http://user:p@ss@host:80/x", "http://***@host:80/x"),
        ("redis://:hunter2@10.0.0.1:6379/0", "redis://:***@10.0.0.1:6379/0"),
        ("postgresql+psycopg://app:hunter2@db/shop", "postgresql+psycopg://app:***@db/shop"),
        ("'https://a:bcd@one' https://e:fgh@two", "'https://***@one' https://***@two"),
        ("https://example.com/~ada@home?mail=a@b", "https://example.com/~ada@home?mail=a@b"),
        ("https://example.com:8443 and me@example.com", "https://example.com:8443 and me@example.com"),
        ("ssh://git@host:22/shop.git", "ssh://git@host:22/shop.git"),
        ("git@host:shop.git", "git@host:shop.git"),
        ("tcp://10.0.0.1:2375\n", "tcp://10.0.0.1:2375\n"),
        ("Authorization: Bearer abc.def.ghi\r\nHost: x", "Authorization: Bearer ***\r\nHost: x"),
        ("curl -H 'authorization: Basic YTpi' http://x", "curl -H 'authorization: Basic ***' http://x"),
        ('{"Authorization": "token ghp_1", "x": 1}', '{"Authorization": "token ***", "x": 1}'),
        (r"{\"Authorization\": \"Bearer abc\"}", r"{\"Authorization\": \"Bearer ***\"}"),
        ("Proxy-Authorization: AWS4 Credential=AK/1, Signature=ab\nx", "Proxy-Authorization: ***\nx"),
        ("PRIVATE-TOKEN: glpat-xyz\n", "PRIVATE-TOKEN: ***\n"),
        ("X-Registry-Auth: eyJ1c2VyIjoxfQ==\n", "X-Registry-Auth: ***\n"),
        ("Authorization: \nAuthorization failed\n", "Authorization: \nAuthorization failed\n"),
    ],
)  # fmt: skip
def test_credentials_are_hidden_by_their_place_at_every_cut(printed, kept):
    assert NOTHING.hide(printed) == kept
    assert {through([printed[:cut], printed[cut:]]) for cut in range(len(printed))} == {kept}
    assert through(list(printed)) == kept


PARTS = st.sampled_from(
    ["https://", "http:", "//", "redis://", "ab", ":", "@", "/", " ", "\n", "host", "secret", '"', "x" * 40,
     "Authorization", "authorization: ", "Bearer ", "Basic", "token", "-token=", "\\"]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(PARTS, max_size=14).map("".join), st.lists(st.integers(0, 60), max_size=6))
@example("ssh://git@host:22@x ", [17])
@example("https://" + "x" * 1030 + "@host", [700])
@example("authorization: " + "x" * 9000 + "\n", [5000])
def test_cuts_never_change_what_is_hidden(text, cuts):
    mask = Mask(["secret", "host:xx"])
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]

    assert through([text[a:b] for a, b in pairwise(edges)], mask) == mask.hide(text)


@settings(deadline=None)
@given(st.lists(PARTS, max_size=14).map("".join))
def test_what_is_shown_is_never_longer_than_what_was_printed(text):
    assert len(NOTHING.hide(text)) <= len(text)


@settings(deadline=None)
@given(st.text("abcdef0123456789", min_size=8, max_size=40), st.lists(PARTS, max_size=6).map("".join))
def test_a_token_in_a_url_never_shows(token, before):
    assert f":{token}@" not in NOTHING.hide(f"{before} https://user:{token}@host/x")


def test_what_cannot_become_a_credential_is_given_at_once():
    stream = StreamMask(NOTHING)

    assert stream.feed("see https:") == "see https:"
    assert stream.feed("//exam") == "//"
    assert stream.feed("ple.com/") == "example.com/"
    assert stream.feed("x Authorization") == "x Authorization"
    assert stream.feed(" failed") == " failed"


def test_a_credential_without_an_end_is_not_held_for_ever():
    stream = StreamMask(NOTHING)

    given = sum(len(stream.feed("x" * 1000)) for _ in [stream.feed("Authorization: "), *range(20)])

    assert given > 10_000
