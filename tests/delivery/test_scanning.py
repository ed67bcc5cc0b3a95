"""The scan between test and publish: findings keep an image back, trouble of the scanner blames nobody."""

from dataclasses import replace

import pytest

from pipeline.delivery.findings import Finding, ScanPolicy, Severity, counted, lines, sorted_findings
from pipeline.errors import Rejected, Unreachable
from pipeline.settings import BuilderSettings

HOLE = Finding("CVE-2026-0001", "openssl", "3.0.1", "3.0.2", Severity.HIGH, "a hole")
WORSE = Finding("CVE-2026-0002", "zlib", "1.2", "1.3", Severity.CRITICAL, "a chasm")


@pytest.fixture
def scanning(world):
    def scan(**changes):
        policy = replace(ScanPolicy("trivy"), **changes)
        settings = replace(world.ports.settings, builder=BuilderSettings(scan=policy))
        world.ports = replace(world.ports, settings=settings)
        return world

    return scan


def test_clean_image_is_published_and_the_stage_says_so(scanning):
    world = scanning()

    run = world.go()

    assert run.stages[3].detail["scan"] == "nothing of severity HIGH or CRITICAL"
    assert [deed.split()[0] for deed in world.builder.deeds] == ["build", "scan", "publish", "clean"]


def test_findings_keep_it_from_being_published_by_name(scanning):
    world = scanning()
    world.builder.findings = [HOLE, WORSE, HOLE]

    run = world.go()

    assert world.statuses == ["succeeded", "succeeded", "skipped", "failed", "cancelled"]
    assert run.error == (
        "The image has known vulnerabilities (1 CRITICAL, 1 HIGH): CVE-2026-0002 in zlib 1.2 (fixed in 1.3); CVE-2026-0001 in "
        "openssl 3.0.1 (fixed in 3.0.2). It was not published. Take a newer base image or package. All of them: "
        f"`shipway run artifacts {run.id} scan/trivy.json`; what counts: builder.scan in shipway.yml."
    )
    assert "CRITICAL CVE-2026-0002 in zlib 1.2 (fixed in 1.3): a chasm" in world.log
    assert world.builder.registry == set()


def test_findings_are_only_told_when_the_operator_wants_no_more(scanning):
    world = scanning(fail=False)
    world.builder.findings = [HOLE]

    run = world.go()

    assert run.deployment is not None
    assert run.stages[3].detail["scan"] == "1 HIGH"


def test_outage_of_the_scanner_is_waited_out(scanning):
    world = scanning()
    world.builder.failing["scan"] = [Unreachable("no database."), Unreachable("no database.")]

    assert world.go().deployment is not None


@pytest.mark.parametrize("error", [Unreachable("trivy has no database."), Rejected("There is no trivy.")])
def test_scanner_that_cannot_say_keeps_the_image_back_and_does_not_blame_the_code(scanning, error):
    world = scanning()
    world.builder.failing["scan"] = error

    run = world.go()

    assert run.status == "failed"
    assert str(error) in run.error
    assert "This says nothing about the code." in run.error
    assert f"shipway run retry {run.id}" in run.error
    assert world.builder.registry == set()


def test_scanner_that_cannot_say_is_told_and_passed_over_when_findings_do_not_count(scanning):
    world = scanning(fail=False)
    world.builder.failing["scan"] = Rejected("There is no trivy.")

    run = world.go()

    assert (run.deployment is not None, run.stages[3].detail["scan"]) == (True, "not scanned")
    assert "Published without a scan (builder.scan.fail is false): There is no trivy." in world.log


def test_nothing_is_scanned_without_the_setting(world):
    world.builder.findings = [WORSE]

    assert "scan" not in world.go().stages[3].detail


def test_long_lists_are_cut_where_people_read_them():
    many = sorted_findings([replace(HOLE, id=f"CVE-{n:04d}") for n in range(25)] + [WORSE])

    assert counted(many) == "1 CRITICAL, 25 HIGH"
    assert len(list(lines(many, 7))) == 21
    assert list(lines(many, 7))[-1] == "… and 6 more: shipway run artifacts 7 scan/trivy.json"
