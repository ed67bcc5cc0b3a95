"""What is kept of a webhook holds no secret, in whatever form somebody wrote it there."""

import json
from urllib.parse import urlencode

import pytest

from pipeline.fleet.service import Repository, Service
from pipeline.intake.kept import kept_body, kept_headers
from pipeline.secret import Secret

SECRET = 'hush "hush" & é'
SHOP = Service("shop", Repository("https://x/y.git", secret=Secret(SECRET), token=Secret("t0ken-of-ours")))


@pytest.mark.parametrize(
    "name",
    [
        *("X-Gitlab-Token", "x-gitee-token", "x-codeup-token", "x-hub-signature-256", "webhook-signature"),
        *("x-shipway-signature", "authorization", "proxy-authorization", "cookie", "x-api-key", "X-Password"),
    ],
)
def test_a_header_that_may_prove_something_is_not_kept(name):
    assert kept_headers({name: "x", "x-event-key": "repo:push"}) == {"x-event-key": "repo:push"}


@pytest.mark.parametrize(
    "body",
    [
        SECRET.encode(),
        json.dumps({"hook": {"secret": SECRET}}).encode(),
        json.dumps({"secret": SECRET}, ensure_ascii=False).encode(),
        urlencode({"payload": json.dumps({"token": "t0ken-of-ours"}), "secret": SECRET}).encode(),
    ],
)
def test_our_secrets_are_hidden_in_a_body(body):
    kept = kept_body(body, [SHOP])

    assert b"***" in kept
    assert not any(word in kept for word in (b"hush", b"t0ken-of-ours"))


def test_a_password_in_an_address_is_hidden_and_the_rest_stays():
    body = b'{"url": "https://ada:pw@git.example.com/a.git", "mail": "ada@example.com", "t": "12:30@x"}'

    kept = kept_body(body, [SHOP])

    assert kept == body.replace(b"ada:pw@", b"***@")
    assert kept_headers({"referer": "https://a:b@c/"}) == {"referer": "https://***@c/"}


def test_a_secret_that_could_be_a_word_of_the_body_leaves_it_readable():
    shop = Service("shop", Repository("https://x/y.git", secret=Secret("main")))

    assert kept_body(b'{"ref": "refs/heads/main"}', [shop]) == b'{"ref": "refs/heads/main"}'
