"""The contract of `pipeline.roster.Roster`."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.errors import Conflict, NotFound
from pipeline.fleet.host import Host, TlsFiles
from pipeline.fleet.joined import Joined
from runners.store import Store

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TLS = TlsFiles("/k/ca.pem", "/k/cert.pem", "/k/key.pem")
WEB_7 = Joined(
    Host("web-7", "tcp://10.0.0.7:2376", "10.0.0.7", "hz", "i-7", {"role": "web"}, TLS),
    NOON,
    pool="web",
    provider="aliyun",
    size="ecs.c7.large",
    engine_version="27.1",
)


def test_joined_host_is_read_as_it_was_written(books: Store):
    books.roster.add(WEB_7)
    assert books.roster.joined() == {"web-7": WEB_7}


def test_what_is_known_of_a_host_is_written_anew_and_when_it_joined_stays(books: Store):
    books.roster.add(WEB_7)
    books.roster.add(replace(WEB_7, engine_version="28.0", joined_at=NOON.replace(hour=13)))
    assert books.roster.joined()["web-7"] == replace(WEB_7, engine_version="28.0")


def test_another_machine_does_not_take_a_name(books: Store):
    books.roster.add(WEB_7)
    other = replace(WEB_7, host=replace(WEB_7.host, instance="i-8", engine="tcp://10.0.0.8:2376"))
    with pytest.raises(Conflict, match="Another machine joined as web-7"):
        books.roster.add(other)
    assert books.roster.joined() == {"web-7": WEB_7}


def test_host_is_protected_and_leaves(books: Store):
    books.roster.add(WEB_7)
    books.roster.protect("web-7", True)
    assert books.roster.joined()["web-7"].protected
    books.roster.remove("web-7")
    books.roster.remove("web-7")
    assert books.roster.joined() == {}


def test_unknown_host_is_not_protected(books: Store):
    with pytest.raises(NotFound, match="shipway hosts"):
        books.roster.protect("web-7", True)
