"""From shipway.yml to a receiver, as the parts are wired: what a failed run makes people see, and what survives a kill."""

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.notices.tell import tell
from pipeline.rounds import listened
from pipeline.settings import Settings
from pipeline.settings_file import parse_settings
from pipeline.wiring import build_notice_desk, build_ports
from runners.own_store import store_of
from runners.store import Store
from tests.contracts.samples import begun
from tests.parts.chat_services import ChatServices, chat_services
from tests.parts.otlp_collector import Collector, collector

pytestmark = pytest.mark.filterwarnings("ignore:.imghdr. is deprecated:DeprecationWarning")
KEY = "0123456789abcdef0123"
FILE = """
server: {{data: {data}, traces: {{endpoint: "{traces}"}}}}
hosts: {{web-1: {{engine: "tcp://10.0.0.1:2375"}}}}
services:
  shop:
    repository: {{url: "https://git.example.com/acme/shop.git", project: acme/shop}}
    environments: {{production: {{branches: [main], hosts: [web-1], secrets: {{DB: open-sesame}}}}}}
notices:
  - {{to: ["json://robot:{key}@{address}/hook"]}}
"""
# A teller that is killed in the middle of a message, which the receiver has by then.
DIES = """
import os, signal, sys
from pipeline.notices.tell import tell
from pipeline.wiring import build_notice_desk, build_ports
from runners.own_store import store_of
from runners.settings_source import load_settings
settings = load_settings(sys.argv[1])
store = store_of(settings.server)
desk = build_notice_desk(store, build_ports(settings, store))
carry = desk.messenger.send
object.__setattr__(desk.messenger, "send", lambda *words: (carry(*words), os.kill(os.getpid(), signal.SIGKILL)))
tell("first", desk)
"""


@pytest.fixture
def services() -> Iterator[ChatServices]:
    with chat_services() as found:
        yield found


@pytest.fixture
def traces() -> Iterator[Collector]:
    with collector() as found:
        yield found


@pytest.fixture
def settings(services: ChatServices, traces: Collector, tmp_path: Path) -> Settings:
    text = FILE.format(data=tmp_path / "data", traces=traces.address, key=KEY, address=services.address)
    (tmp_path / "shipway.yml").write_text(text)
    return parse_settings(text, {}, lambda _: "", str(tmp_path))


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    found = store_of(settings.server)
    found.migrate()
    yield found
    found.close()


def fail(store: Store) -> None:
    run, lease = begun(store)
    store.runs.finish(run, "failed", "the migration said open-sesame", lease)


def test_a_failed_run_reaches_people_and_the_collector_without_a_secret(
    settings: Settings,
    store: Store,
    services: ChatServices,
    traces: Collector,
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level(logging.DEBUG)
    fail(store)

    tell("teller", build_notice_desk(store, build_ports(settings, store)))

    assert listened(settings)
    told = json.loads(services.taken[0][1])
    assert told["title"] == "shop on production: run 1 failed in start: the migration said ***"
    assert [span["name"] for span in traces.spans] == ["run shop production", "queue"]
    assert "open-sesame" not in services.taken[0][1] + json.dumps(traces.spans) + caplog.text
    assert KEY not in caplog.text
    assert store.notices.depth() == {}


def test_a_teller_that_is_killed_in_the_middle_loses_nothing(
    settings: Settings, store: Store, services: ChatServices, tmp_path: Path
):
    fail(store)
    killed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DIES, str(tmp_path / "shipway.yml")], check=False, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    store._database.write(
        lambda tx: tx.exec_driver_sql("UPDATE leases SET owner = ''")
    )  # its two minutes are over

    tell("second", build_notice_desk(store, build_ports(settings, store)))

    assert (
        len(services.taken) == 2
    )  # once more than it had to be, since nobody knows what the first one reached
    assert store.notices.depth() == {}
