"""Secrets and variables of shipway.yml: where they come from, and that none of them shows."""

import pytest

from pipeline.errors import BadConfig
from pipeline.settings_file import all_secrets, parse_settings
from tests.settings.ground import FILES, HOSTS, SERVICE, faults, parse, with_environment


def test_a_secret_comes_from_a_file_without_its_last_newline():
    production = parse(HOSTS + SERVICE).environment("shop", "production")

    assert production.secrets["DB_URL"].reveal() == "postgres://shop:pw@db/shop"


def test_a_default_stands_in_for_an_unset_or_empty_variable():
    text = "server: {url: 'http://${HOST:-127.0.0.1}:80${PORT}', data: '$${x}'}"

    server = parse(text, {"HOST": "", "PORT": "81"}).server

    assert (server.url, server.data) == ("http://127.0.0.1:8081", "/etc/shipway/${x}")


def test_all_secrets_are_known_for_masking():
    text = (HOSTS + SERVICE).replace(
        "forge: gitlab", "forge: gitlab, token: abc, signing_secret: whsec_c2VjcmV0c2VjcmV0"
    )
    text += "server: {database: 'postgresql+psycopg://u:p%40ss@h/d', redis: 'redis://:red1s@h'}"

    assert all_secrets(parse(text)) == [
        "postgres://shop:pw@db/shop",
        "whsec_c2VjcmV0c2VjcmV0",
        "hush-hush",
        "red1s",
        "p@ss",
    ]


def test_a_signing_secret_that_is_none_is_told():
    text = (HOSTS + SERVICE).replace("forge: gitlab", "forge: gitlab, signing_secret: hunter 22")

    assert faults(text)[1] == (
        "services.shop.repository.signing_secret: is not a signing token; GitLab shows it as whsec_…"
    )


def test_a_signing_secret_of_gitee_is_any_text():
    text = (HOSTS + SERVICE).replace("forge: gitlab", "forge: gitee, signing_secret: hunter 22")

    assert parse(text).services["shop"].repository.signing.reveal() == "hunter 22"


@pytest.mark.parametrize("forge", ["git", "github", "gitea", "bitbucket", "codeup"])
def test_a_signing_secret_that_would_never_be_used_is_told(forge):
    text = (HOSTS + SERVICE).replace("forge: gitlab", f"forge: {forge}, signing_secret: aGVsbG8=")

    assert faults(text)[1] == (
        "services.shop.repository.signing_secret: "
        f"is only for gitlab and gitee; {forge} proves itself by `secret` alone"
    )


def test_no_secret_shows_in_a_printed_settings():
    assert "hush-hush" not in repr(parse(HOSTS + SERVICE))


def test_values_of_variables_are_shown_by_name():
    told = faults("server: {listen: '${ADDRESS}', url: 'ftp://${A}'}", {"ADDRESS": "s3cret-value", "A": "x"})

    assert told[1] == "server.url: 'ftp://x' is not an address; write https://shipway.example.com"
    assert told[2].startswith("server.listen: '${ADDRESS}' is not an address to listen on")


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_secret_file_is_told(content, monkeypatch):
    monkeypatch.setitem(FILES, "/etc/shipway/empty", content)

    told = faults(with_environment("secrets: {X: 'file:empty'}"))

    assert told[1] == "services.shop.environments.test.secrets.X: the secret file empty is empty"


def test_a_secret_file_that_is_no_text_is_told():
    def read(path: str) -> str:
        return b"\xff".decode()

    with pytest.raises(
        BadConfig, match=r"secrets\.X: the secret file x cannot be read: it is not UTF-8 text"
    ):
        parse_settings(with_environment("secrets: {X: 'file:x'}"), {}, read, "/")


def test_the_error_carries_no_values_of_the_file():
    with pytest.raises(BadConfig) as caught:
        parse(with_environment("secrets: {X: hunter22}, replicas: x"))

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
