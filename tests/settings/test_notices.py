"""`notices:` of shipway.yml: what it makes, what it refuses, and that no address gets out."""

from datetime import time

import pytest

from pipeline.errors import BadConfig
from pipeline.notices.notice import Event, Language, Quiet
from pipeline.settings import Settings
from pipeline.settings_file import all_secrets, parse_settings

HEAD = """
hosts: {web-1: {engine: "tcp://10.0.0.1:2375"}}
services:
  shop:
    repository: {url: "https://git.example.com/acme/shop.git", project: acme/shop}
    environments: {production: {branches: [main], hosts: [web-1]}}
notices:
"""
URL = "dingtalk://SEC0123456789abcdef0@0123456789abcdef01234"


def parse(*rules: str) -> Settings:
    text = HEAD + "".join(f"  - {{{rule}}}\n" for rule in rules)
    return parse_settings(text, {"DING_URL": URL}, lambda _: "json://from.a/file\n", "/")


def test_a_rule_is_read_with_its_defaults():
    rule = parse('to: ["${DING_URL}", "file:url"]').notices[0]

    assert (rule.name, rule.language, rule.fold, rule.quiet) == ("1", Language.EN, 300.0, None)
    assert [target.url.reveal() for target in rule.to] == [URL, "json://from.a/file"]
    assert not rule.services
    assert not rule.events


def test_quiet_hours_are_read():
    rule = parse(
        'to: ["json://a"], quiet: {from: 22:00, until: 8:30, timezone: Asia/Shanghai, except: [deploy.blocked]}'
    )

    quiet = Quiet(time(22), time(8, 30), "Asia/Shanghai", frozenset({Event.DEPLOY_BLOCKED}))
    assert rule.notices[0].quiet == quiet


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("to: []", "notices[0].to: must have at least 1"),
        ('to: ["nonsense"]', "notices[0].to[0]: is not an address of Apprise"),
        ('to: ["jsons://a?verify=no"]', "certificates are verified"),
        ('to: ["json://a"], services: [shp]', "there is no service 'shp'; did you mean 'shop'?"),
        ('to: ["json://a"], environments: [prod]', "there is no environment 'prod'"),
        ('to: ["json://a"], events: [deploy.exploded]', "notices[0].events[0]: must be"),
        ('to: ["json://a"], quiet: {from: 25:00, until: 08:00}', "must be a time of the day, such as 22:00"),
        ('to: ["json://a"], quiet: {from: 22:00}', "notices[0].quiet.until: is missing"),
        ('to: ["json://a"], quiet: {begin: 22:00, until: 08:00}', "unknown key"),
        (
            'to: ["json://a"], quiet: {from: 22:00, until: 08:00, timezone: Mars/Olympus}',
            "there is no time zone",
        ),
        ('name: "1", to: ["json://a"]', "notices[1].name: '1' is taken"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(rule: str, said: str):
    rules = (rule,) if "name" not in rule else ('to: ["json://b"]', rule)

    with pytest.raises(BadConfig) as caught:
        parse(*rules)

    assert said in str(caught.value)
    assert URL not in str(caught.value)


def test_an_address_and_each_token_in_it_are_secrets():
    settings = parse('to: ["${DING_URL}", "mailtos://robot:open-sesame@mail.example.com?to=ops@example.com"]')

    secrets = all_secrets(settings)
    assert {URL, "SEC0123456789abcdef0", "0123456789abcdef01234", "open-sesame"} <= set(secrets)
    assert not {"mail.example.com", "ops@example.com", "robot"} & set(secrets)
    assert URL not in repr(settings)


def test_a_label_tells_addresses_apart_and_gives_nothing_away():
    labels = [target.label for target in parse('to: ["${DING_URL}", "dingtalk://other"]').notices[0].to]

    assert len(set(labels)) == 2
    assert all(label.startswith("dingtalk:") and len(label) == len("dingtalk:") + 8 for label in labels)


def test_an_address_that_is_empty_is_left_out():
    text = HEAD + '  - {to: ["${NOBODY:-}", "json://a"]}\n'

    assert [t.url.reveal() for t in parse_settings(text, {}, lambda _: "", "/").notices[0].to] == ["json://a"]


def test_a_collector_of_traces_and_its_secrets_are_read():
    text = (
        HEAD
        + '  - {to: ["json://a"]}\nserver: {traces: {endpoint: "http://tempo:4318", headers: {X-Key: "${KEY}"}}}\n'
    )

    settings = parse_settings(text, {"KEY": "open-sesame"}, lambda _: "", "/")
    assert settings.server.traces.endpoint == "http://tempo:4318"
    assert "open-sesame" in all_secrets(settings)
    assert "open-sesame" not in repr(settings)


def test_an_endpoint_must_be_an_address():
    with pytest.raises(BadConfig, match=r"server\.traces\.endpoint"):
        parse_settings(
            HEAD + '  - {to: ["json://a"]}\nserver: {traces: {endpoint: tempo}}\n', {}, lambda _: "", "/"
        )
