"""Windows, freezes, schedules, scans and attests of shipway.yml: what is understood, and what is told when it is wrong."""

from datetime import UTC, datetime

import pytest

from pipeline.delivery.findings import Provenance, ScanPolicy, Severity
from pipeline.fleet.schedule import Schedule
from pipeline.fleet.window import Window
from tests.test_settings_file import HOSTS, SERVICE, faults, parse

ZONE = "server: {timezone: Europe/Berlin}\n"


def with_keys(keys: str) -> str:
    return HOSTS + SERVICE.replace("        replicas: 2\n", f"        replicas: 2\n        {keys}\n")


def environment(text: str):
    return parse(text).services["shop"].environments["production"]


def test_times_without_a_zone_are_of_the_server():
    keys = 'windows: ["Mon-Tue 09:00-17:00", "Fri 09:00-12:00 Asia/Shanghai"]'

    found = environment(ZONE + with_keys(keys)).windows

    assert found == (
        Window(frozenset({0, 1}), 540, 1020, "Europe/Berlin"),
        Window(frozenset({4}), 540, 720, "Asia/Shanghai"),
    )


def test_freeze_is_two_moments_and_a_reason():
    keys = "freeze: [{from: 2026-12-24T00:00, until: 2027-01-02T09:00:00+01:00, why: Christmas}]"

    (found,) = environment(with_keys(keys)).freezes

    assert (found.since, found.until) == (
        datetime(2026, 12, 24, tzinfo=UTC),
        datetime(2027, 1, 2, 8, tzinfo=UTC),
    )
    assert found.why == "Christmas"


def test_schedule_has_a_zone_of_its_own_or_the_servers():
    keys = 'schedules: [{cron: "0  3 * * *", ref: main}, {cron: "0 4 * * *", ref: main, timezone: Asia/Shanghai}]'

    found = environment(ZONE + with_keys(keys)).schedules

    assert found == (
        Schedule("0 3 * * *", "main", "Europe/Berlin", False),
        Schedule("0 4 * * *", "main", "Asia/Shanghai", False),
    )


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("windows: [always]", "windows[0]: 'always' is not a window; write Mon-Thu 09:00-17:00"),
        ('windows: ["Mon 09:00-17:00 Mars/Base"]', "windows[0]: there is no time zone 'Mars/Base'"),
        ("freeze: [{from: 2026-12-24T00:00}]", "freeze[0].until: is missing"),
        ("freeze: [{from: soon, until: 2026-12-24T00:00}]", "freeze[0].from: 'soon' is not a moment"),
        ("freeze: [{from: 2026-12-24, until: 2026-12-24}]", "freeze[0].until: is not after `from`"),
        ("freeze: [{form: 2026-12-24, until: 2026-12-25}]", "freeze[0].form"),
        ("schedules: [{cron: nightly, ref: main}]", "schedules[0].cron: 'nightly' is not a cron expression"),
        ('schedules: [{cron: "0 3 * * *"}]', "schedules[0].ref: is missing"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(keys, said):
    told = faults(with_keys(keys))

    assert any(line.startswith(f"services.shop.environments.production.{said}") for line in told), told


def test_unknown_zone_of_the_server_is_told():
    assert "server.timezone: there is no time zone 'Berlin'" in faults("server: {timezone: Berlin}\n")[1]


def test_builder_scans_and_attests_as_it_is_told():
    text = "builder: {scan: {trivy: trivy, severity: [CRITICAL]}, attest: {sbom: true, provenance: min}}\n"

    found = parse(text + HOSTS + SERVICE).builder

    assert found.scan == ScanPolicy("trivy", (Severity.CRITICAL,))
    assert (found.sbom, found.provenance) == (True, Provenance.MIN)
    assert parse(HOSTS + SERVICE).builder.scan is None


def test_list_of_packages_without_a_scanner_is_told():
    assert faults("builder: {attest: {sbom: true}}\n")[1:] == [
        "builder.attest.sbom: is made by trivy; name it under builder.scan"
    ]
