"""Every key of `notices:` in shipway.yml, with its default and its sentence, and the `Rule` that it makes.

An address is never in a message: a label made of its scheme and a short hash stands for it.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import time
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from pipeline.notices.notice import Event, Language, Quiet, Rule, Target
from pipeline.secret import Secret
from pipeline.settings_rollout import Keys
from pipeline.settings_values import SecretText
from pipeline.units import Duration, Name, Word, text

CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
ADDRESS = re.compile(r"[a-z][a-z0-9]*://\S+")
NO = ("no", "false", "0", "off")
LONGEST_NAME = 16  # characters of a part of an address that is no token


def _clock(value: object) -> time:
    found = CLOCK.fullmatch(text(value))
    if not found:
        raise ValueError("must be a time of the day, such as 22:00")
    return time(int(found[1]), int(found[2]))


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, OSError, ValueError):
        raise ValueError(f"there is no time zone {value!r}; write one such as Asia/Shanghai or UTC") from None
    return value


def _address(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    if not url:
        return value  # a variable that is not set here: nobody is told there
    if not ADDRESS.fullmatch(url):
        raise ValueError(
            "is not an address of Apprise, such as dingtalk://token or mailtos://user:password@host"
        )
    for key, wish in parse_qsl(urlsplit(url).query):
        if key.lower() == "verify" and wish.lower() in NO:
            raise ValueError(
                "`verify=no` is refused: certificates are verified; trust the authority on this machine"
            )
    return value


Clock = Annotated[time, BeforeValidator(_clock, json_schema_input_type=str)]
Timezone = Annotated[Word, AfterValidator(_timezone)]
Address = Annotated[SecretText, AfterValidator(_address)]


class QuietKeys(Keys):
    begin: Clock = Field(alias="from", description="Nothing is told from this time of the day on …")
    until: Clock = Field(description="… to this one. Then what came meanwhile is told in one message.")
    timezone: Timezone = Field(default="UTC", description="Whose time of the day, such as Asia/Shanghai.")
    but: list[Event] = Field(default=[], alias="except", description="Events that are told all the same.")


class NoticeKeys(Keys):
    name: Word = Field(
        default="", description="For `shipway notices test`. Default: its place in the list, from 1."
    )
    to: list[Address] = Field(
        min_length=1,
        description="Addresses of Apprise: dingtalk://, wecombot://, feishu://, slack://, tgram://, mailtos://, "
        "jsons:// and more; docs/notices.md. An empty one is left out.",
    )
    services: list[Name] = Field(default=[], description="Only of these. Empty: all.")
    environments: list[Name] = Field(default=[], description="Only of these. Empty: all.")
    events: list[Event] = Field(default=[], description="Only these. Empty: all; docs/notices.md names them.")
    quiet: QuietKeys | None = Field(default=None, description="Hours in which nothing is told.")
    language: Language = Field(default=Language.EN, description="en or zh.")
    fold: Duration = Field(
        default=300.0,
        description="The same of one service and environment is told once within it, with a count.",
    )


def rules(given: Sequence[NoticeKeys]) -> tuple[Rule, ...]:
    return tuple(_rule(keys.name or str(at), keys) for at, keys in enumerate(given, 1))


def secrets_of(rule: Rule) -> Iterator[str]:
    """What must be *** wherever it is printed: the address, and each part of it that looks like a token."""
    for target in rule.to:
        url = target.url.reveal()
        yield url
        parts = urlsplit(url)
        pieces = [*parts.netloc.replace("@", ":").split(":"), *parts.path.split("/")]
        pieces += [value for _, value in parse_qsl(parts.query)]
        yield from (piece for piece in pieces if len(piece) > LONGEST_NAME and "." not in piece)
        if parts.password:
            yield parts.password


def _rule(name: str, keys: NoticeKeys) -> Rule:
    quiet = keys.quiet
    return Rule(
        name=name,
        to=tuple(_target(address) for address in keys.to if address.get_secret_value()),
        services=frozenset(keys.services),
        environments=frozenset(keys.environments),
        events=frozenset(keys.events),
        quiet=Quiet(quiet.begin, quiet.until, quiet.timezone, frozenset(quiet.but)) if quiet else None,
        language=keys.language,
        fold=keys.fold,
    )


def _target(address: SecretStr) -> Target:
    url = address.get_secret_value()
    digest = hashlib.sha256(url.encode()).hexdigest()[:8]
    return Target(Secret(url), f"{url.partition(':')[0]}:{digest}")
