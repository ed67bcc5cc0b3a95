"""Hosts that join are hosts of every environment whose labels they carry, from the next look on."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.errors import Unreachable
from pipeline.fleet.host import Host
from pipeline.fleet.joined import Joined
from pipeline.fleet.service import Environment, Repository, Service
from pipeline.roster import NoRoster
from pipeline.settings import Settings
from pipeline.standing import live
from runners.standing import AWAY, FRESH, Standing

WEB_1 = Host("web-1", "tcp://10.0.0.1:2376", "10.0.0.1", labels={"role": "web"})
WEB_2 = Host("web-2", "tcp://10.0.0.2:2376", "10.0.0.2", labels={"role": "web", "size": "big"})
BY_LABEL = Environment("shop", "production", (WEB_1,), selector={"role": "web"})
BY_NAME = Environment("shop", "test", (WEB_1,))
FILE = Settings(
    hosts={"web-1": WEB_1},
    services={
        "shop": Service("shop", Repository("u"), environments={"production": BY_LABEL, "test": BY_NAME})
    },
)


class Guests(NoRoster):
    """Whoever is in the list."""

    def __init__(self, *hosts: Host) -> None:
        self.hosts = list(hosts)

    def joined(self) -> dict[str, Joined]:
        return {host.name: Joined(host, datetime(2026, 1, 1, tzinfo=UTC)) for host in self.hosts}


class Watch:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def hosts_of(settings: Settings, environment: str) -> list[str]:
    return [host.name for host in settings.environment("shop", environment).hosts]


def test_joined_host_belongs_where_its_labels_are_asked_for():
    now = Standing(FILE, Guests(WEB_2))()
    assert hosts_of(now, "production") == ["web-1", "web-2"]
    assert hosts_of(now, "test") == ["web-1"]
    assert list(now.hosts) == ["web-1", "web-2"]


def test_host_without_the_labels_is_known_and_used_by_nobody():
    now = Standing(FILE, Guests(replace(WEB_2, labels={"role": "db"})))()
    assert hosts_of(now, "production") == ["web-1"]
    assert "web-2" in now.hosts


def test_name_of_the_file_stays_the_files():
    now = Standing(FILE, Guests(replace(WEB_2, name="web-1")))()
    assert now.hosts["web-1"] is WEB_1
    assert hosts_of(now, "production") == ["web-1"]


def test_settings_of_a_long_process_follow_who_joins_and_leaves():
    guests, watch = Guests(), Watch()
    settings = live(FILE, Standing(FILE, guests, watch))
    assert hosts_of(settings, "production") == ["web-1"]

    guests.hosts.append(WEB_2)
    assert hosts_of(settings, "production") == ["web-1"]
    watch.now += FRESH
    assert hosts_of(settings, "production") == ["web-1", "web-2"]

    guests.hosts.clear()
    watch.now += FRESH
    assert len(settings.hosts) == 1


def test_settings_stay_as_they_were_while_the_database_is_away():
    guests, watch = Guests(WEB_2), Watch()
    standing = Standing(FILE, guests, watch)
    before = standing()

    guests.joined = lambda: (_ for _ in ()).throw(Unreachable("The database is away."))  # only this once
    watch.now += FRESH

    assert standing() == before
    del guests.joined
    guests.hosts.clear()
    watch.now += AWAY
    assert list(standing().hosts) == ["web-1"]


def test_before_the_first_answer_the_error_is_the_callers():
    guests = Guests()
    guests.joined = lambda: (_ for _ in ()).throw(Unreachable("The database is away."))  # only this once

    with pytest.raises(Unreachable):
        Standing(FILE, guests, Watch())()
