"""Webhooks that are sent as a form with the JSON in its field `payload`."""

import json
import tracemalloc
from urllib.parse import quote_plus, unquote_to_bytes, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import BadSignature, Refused, Unsupported
from runners import webhook
from runners.forges import forge
from tests.runners.forges.bodies import BODIES, EVENTS, FORM, NOW, gitea, proof, repository

each_forge = pytest.mark.parametrize("name", sorted(BODIES))
HEADERS = {"content-type": f"{FORM}; charset=utf-8"}


@each_forge
def test_a_form_says_what_its_json_says(name):
    payload = BODIES[name](note="a + b & c = 100 % é \n")
    plain, form = json.dumps(payload).encode(), urlencode({"payload": json.dumps(payload)}).encode()

    hooks = [
        forge(name).read(EVENTS[name] | proof(name, body) | headers, body, repository(name), NOW)
        for headers, body in (({}, plain), (HEADERS, form))
    ]

    assert hooks[1].pushes == hooks[0].pushes != ()
    assert forge(name).project(HEADERS | EVENTS[name], form) == "acme/shop"


@pytest.mark.parametrize("name", ["gitea", "forgejo"])
def test_gitea_signs_the_json_inside_its_form(name):
    text = json.dumps(gitea())
    form = urlencode({"payload": text}).encode()
    headers = HEADERS | EVENTS[name] | proof(name, text.encode())

    assert forge(name).read(headers, form, repository(name), NOW).pushes


def test_github_signs_the_raw_form():
    text = json.dumps(BODIES["github"]())
    form = urlencode({"payload": text}).encode()
    headers = HEADERS | EVENTS["github"] | proof("github", text.encode())

    with pytest.raises(BadSignature):
        forge("github").read(headers, form, repository("github"), NOW)


@pytest.mark.parametrize("name", ["bitbucket", "forgejo", "gitea", "github"])
def test_a_changed_form_is_refused(name):
    form = urlencode({"payload": json.dumps(BODIES[name]())}).encode()
    headers = HEADERS | EVENTS[name] | proof(name, form)

    with pytest.raises(BadSignature):
        forge(name).read(headers, form.replace(b"main", b"evil"), repository(name), NOW)


@pytest.mark.parametrize(
    ("form", "what"),
    [
        (b"", "one field 'payload'"),
        (b"payload", "is not JSON"),
        (b"payload=", "is not JSON"),
        (b"hook=%7B%7D", "one field 'payload'"),
        (b"payload=%7B%7D&payload=%7B%7D", "one field 'payload'"),
        (b"payload=%7B%7D" + b"&a=b" * 10, "one field 'payload'"),
        (b"&" * 1_000_000, "one field 'payload'"),
        (b"payload=%7B%7", "a % in it is not followed by two hexadecimal digits"),
        (b"payload=%zz", "a % in it is not followed by two hexadecimal digits"),
        (b"payload=%ff%fe", "not UTF-8"),
        (b"payload=%5B%5D", "not an object"),
        (b"payload=%7B", "is not JSON"),
        (b"payload=%00", "is not JSON"),
        (b'{"repository": {"full_name": "acme/shop"}}', "one field 'payload'"),
    ],
)
@each_forge
def test_a_malformed_form_is_refused_with_what_is_wrong(name, form, what):
    with pytest.raises(Refused, match=what):
        forge(name).project(HEADERS | EVENTS[name], form)
    with pytest.raises(Refused, match=what):
        forge(name).read(HEADERS | EVENTS[name] | proof(name, form), form, repository(name), NOW)


@each_forge
def test_a_form_of_several_parts_is_unsupported(name):
    with pytest.raises(Unsupported, match="application/json"):
        forge(name).project({"content-type": "multipart/form-data; boundary=x"}, b"payload=%7B%7D")


@given(st.binary())
def test_a_field_is_decoded_as_others_do_it(value):
    encoded = quote_plus(value).encode()

    assert webhook.payload(HEADERS, b"payload=" + encoded) == value


@given(st.from_regex(rb"([^%&]|%[0-9a-fA-F]{2})*", fullmatch=True))
def test_what_nobody_encodes_is_decoded_too(encoded):
    wanted = unquote_to_bytes(encoded.replace(b"+", b" "))

    assert webhook.payload(HEADERS, b"payload=" + encoded) == wanted


def test_a_form_of_nothing_but_escapes_takes_little_memory():
    form = b"payload=" + b"%7B" * 500_000
    tracemalloc.start()

    webhook.payload(HEADERS, form)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6 * len(form)
