"""Secrets stay hidden however a stream is cut and however a tool prints them."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners.mask import Mask, StreamMask

SECRET = "s3cr3t/+pass&word"


def through(mask: Mask, pieces: list[str]) -> str:
    stream = StreamMask(mask)
    return "".join([*(stream.feed(piece) for piece in pieces), stream.flush()])


def test_a_secret_is_hidden_and_the_rest_is_kept():
    assert Mask([SECRET]).hide(f"login with {SECRET}!\n") == "login with ***!\n"


@pytest.mark.parametrize("cut", range(len(SECRET) + 1))
def test_a_secret_is_hidden_at_every_cut(cut):
    text = f"<{SECRET}>"

    assert through(Mask([SECRET]), [text[: cut + 1], text[cut + 1 :]]) == "<***>"


def test_a_secret_is_hidden_letter_by_letter():
    assert through(Mask([SECRET]), list(f"a {SECRET} b {SECRET}{SECRET}")) == "a *** b ******"


@pytest.mark.parametrize(
    "form",
    [
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower(),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
    ],
)
def test_encoded_forms_are_hidden(form):
    hidden = Mask([SECRET]).hide(f"-> {form} <-")

    assert hidden.startswith("-> ***")
    assert hidden.endswith(" <-")
    assert len(hidden) <= 10


@pytest.mark.parametrize("user", ["", "a", "ab", "abc", "deploy"])
def test_a_password_inside_basic_auth_is_hidden(user):
    header = base64.b64encode(f"{user}:{SECRET}".encode()).decode()

    hidden = Mask([SECRET]).hide(f"Authorization: Basic {header}")

    assert "***" in hidden
    left = hidden.removeprefix("Authorization: Basic ").replace("***", "")
    assert len(left) <= len(user) * 2 + 8


def test_text_that_only_begins_like_a_secret_is_given_back():
    stream = StreamMask(Mask(["abcdef"]))

    assert stream.feed("xabc") == "x"
    assert stream.feed("x") == "abcx"


def test_nothing_is_held_when_nothing_can_follow():
    assert StreamMask(Mask(["abcdef"])).feed("all is well\n") == "all is well\n"


def test_the_longer_of_two_secrets_is_hidden_whole():
    assert through(Mask(["abcd", "abcdefgh"]), ["abcd", "efgh!"]) == "***!"


def test_overlapping_secrets_leave_nothing_over():
    assert through(Mask(["abcdef", "efghij"]), list("-abcdefghij-")) == "-***-"


def test_short_secrets_are_left_alone():
    assert Mask(["abc", ""]).hide("abc") == "abc"


def test_lines_of_a_key_are_hidden_one_by_one():
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\n}\n-----END KEY-----\n"

    hidden = Mask([key]).hide(f"{{}}\n{key}")

    assert "MIIEvQ" not in hidden
    assert hidden.startswith("{}\n***")
    assert "MIIEvQ" not in Mask([key]).hide(key.replace("\n", "\r\n"))
    assert Mask([key]).hide("line MIIEvQIBADANBgkq alone") == "line *** alone"


@pytest.mark.parametrize("secret", ["a1b2", "pass:", "a1b2c3d4"])
@pytest.mark.parametrize("before", ["", "u", "us", "usr"])
def test_base64_of_a_short_secret_is_hidden_at_each_alignment(secret, before):
    printed = base64.b64encode(f"{before}{secret}zz".encode()).decode()

    assert "***" in Mask([secret]).hide(f"-> {printed} <-")


def test_lines_of_a_secret_that_are_longer_than_three_characters_are_hidden_alone():
    hidden = Mask(["abcd\nxyz\nlonger line\n"]).hide("abcd, xyz, longer line")

    assert hidden == "***, xyz, ***"


def test_a_long_key_can_be_compiled():
    key = "k" * 5000 + "e"

    assert Mask([key]).hide(f"a{key}b") == "a***b"


def test_secrets_learned_later_are_hidden_in_what_is_held_back():
    stream = StreamMask(Mask(["abcdef"]))
    assert stream.feed("abcd") == ""

    stream.use(Mask(["abcdef", "cdxy"]))

    assert stream.feed("xy") + stream.flush() == "ab***"


@given(
    st.lists(st.text("abc", min_size=4, max_size=6), max_size=3),
    st.lists(st.text("abc", max_size=7), max_size=12),
)
def test_cuts_never_change_the_result(secrets, pieces):
    mask = Mask(secrets)
    text = "".join(pieces)

    out = through(mask, pieces)

    assert out == mask.hide(text)
    assert not any(secret in out for secret in secrets)


@given(st.text(min_size=4), st.text(), st.text())
def test_a_secret_never_shows(secret, before, after):
    out = Mask([secret]).hide(before + secret + after)

    assert secret not in out or secret in "***"
