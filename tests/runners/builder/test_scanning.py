"""What trivy says of an image, and what is made of a trivy that says nothing. A stand-in plays trivy, strictly."""

import io
import json
import os
import tarfile
import time

import pytest

from pipeline.delivery.findings import REPORT, SBOM, Finding, ScanOrder, ScanPolicy, Severity
from pipeline.errors import Rejected, Stopped, Unreachable
from runners.artifact_store import FileArtifacts
from runners.builder.scanning import findings_of, scan
from tests.parts import trivy
from tests.parts.trivy import DATABASE_DOWN, vulnerability

TAG = "registry:5000/acme/shop:run-7"


class Engine:
    """Gives the archive of one image."""

    def get_image(self, tag, chunk_size):
        manifest = json.dumps([{"Config": "c.json", "RepoTags": [tag], "Layers": []}]).encode()
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            info = tarfile.TarInfo("manifest.json")
            info.size = len(manifest)
            archive.addfile(info, io.BytesIO(manifest))
        yield packed.getvalue()


@pytest.fixture
def scanned(tmp_path):
    """Scans with a trivy that does as it is told."""
    artifacts, log = FileArtifacts(str(tmp_path / "artifacts")), []

    def act(stop=lambda: False, timeout=20.0, ignore_unfixed=True, sbom=False, **told):
        policy = ScanPolicy(trivy.install(tmp_path), ignore_unfixed=ignore_unfixed, timeout=timeout)
        environ = os.environ | {
            "TRIVY_STAND_IN": json.dumps(told),
            "SHIPWAY_SECRET": "hush",
            "AWS_KEY": "hush",
        }
        return scan(Engine(), ScanOrder(7, TAG, policy, sbom), artifacts, log.append, stop, environ)

    act.artifacts = artifacts
    return act


def test_findings_that_count_come_back_and_the_report_is_an_artifact(scanned):
    unfixed = vulnerability(VulnerabilityID="CVE-2026-0002", FixedVersion="", Status="affected")
    low = vulnerability(VulnerabilityID="CVE-2026-0003", Severity="LOW")

    found = scanned(vulnerabilities=[vulnerability(), unfixed, low])

    assert found == [
        Finding("CVE-2026-0001", "openssl", "3.0.1-1", "3.0.2-1", Severity.HIGH, "openssl: a hole")
    ]
    kept = json.loads(b"".join(scanned.artifacts.content(7, REPORT)))
    assert (kept["SchemaVersion"], kept["Metadata"]["RepoTags"]) == (2, [TAG])


def test_what_has_no_fix_counts_when_it_is_wanted(scanned):
    unfixed = vulnerability(FixedVersion="", Status="affected")

    (found,) = scanned(ignore_unfixed=False, vulnerabilities=[unfixed])

    assert str(found) == "CVE-2026-0001 in openssl 3.0.1-1 (no fix yet)"


def test_clean_image_has_no_findings(scanned):
    assert scanned() == []


def test_database_that_cannot_be_reached_is_the_worlds_fault(scanned):
    with pytest.raises(
        Unreachable, match=r"trivy has no database of vulnerabilities, or cannot reach it.*no such host"
    ):
        scanned(fatal=DATABASE_DOWN)


def test_trivy_that_ends_otherwise_is_told_with_its_words(scanned):
    with pytest.raises(Rejected, match=r"trivy ended with exit code 1.*a new kind of trouble"):
        scanned(fatal="a new kind of trouble")


def test_machine_without_trivy_is_told(tmp_path):
    order = ScanOrder(7, TAG, ScanPolicy(str(tmp_path / "nowhere")))

    with pytest.raises(Rejected, match=r"There is no trivy.*builder.scan.trivy"):
        scan(Engine(), order, None, lambda _: None, lambda: False)


def test_scan_that_is_stopped_or_late_ends_soon_and_its_process_with_it(scanned):
    begun = time.monotonic()

    with pytest.raises(Stopped):
        scanned(stop=lambda: time.monotonic() - begun > 0.5, sleep=60)
    with pytest.raises(Unreachable, match=r"did not end within .*builder.scan.timeout"):
        scanned(timeout=0.5, sleep=60)

    assert time.monotonic() - begun < 20


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (b"", "cannot be read"),
        (b"[]", "cannot be read"),
        (b'{"Results": []}', "cannot be read"),
        (b'{"SchemaVersion": 3}', "is of schema 3; Shipway reads 2"),
        (b'{"SchemaVersion": 2, "Results": [{"Vulnerabilities": [{"Severity": "HIGH"}]}]}', "cannot be read"),
    ],
)
def test_report_that_nobody_understands_is_not_a_clean_one(report, said):
    with pytest.raises(Rejected, match=said):
        findings_of(report)


def test_parts_without_vulnerabilities_are_read_over():
    assert findings_of(b'{"SchemaVersion": 2, "Results": [{"Target": "x", "Class": "lang-pkgs"}]}') == []


def test_list_of_packages_is_kept_when_it_is_wanted(scanned):
    assert scanned(sbom=True) == []

    listed = json.loads(b"".join(scanned.artifacts.content(7, SBOM)))
    assert (listed["spdxVersion"], listed["packages"]) == ("SPDX-2.3", [{"name": "openssl"}])
