"""A program that stands for trivy: strict about its options, it reads a real image archive and writes trivy's JSON report of
schema 2. What it finds, or how it fails, stands in TRIVY_STAND_IN (JSON)."""

import json
import os
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

VALUES = ("--input", "--format", "--output", "--scanners", "--severity", "--exit-code", "--timeout")
FLAGS = ("--no-progress", "--ignore-unfixed")
DATABASE_DOWN = (
    "FATAL\tFatal error\trun error: init error: DB error: failed to download vulnerability DB: OCI artifact error: failed to "
    "download artifact from mirror.gcr.io/aquasec/trivy-db:2: Get https://mirror.gcr.io/v2/: dial tcp: lookup mirror.gcr.io: "
    "no such host"
)


def install(folder: Path) -> str:
    """Path of the executable."""
    path = folder / "trivy"
    root = Path(__file__).parents[2]
    path.write_text(f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(root)!r})\n"
                    "from tests.parts.trivy import main\nmain()\n")  # fmt: skip
    path.chmod(0o755)
    return str(path)


def vulnerability(**changes: str) -> dict[str, Any]:
    """As trivy 0.5x writes one, without the fields that nobody reads."""
    plain = {
        "VulnerabilityID": "CVE-2026-0001",
        "PkgID": "openssl@3.0.1-1",
        "PkgName": "openssl",
        "InstalledVersion": "3.0.1-1",
        "FixedVersion": "3.0.2-1",
        "Status": "fixed",
        "SeveritySource": "debian",
        "PrimaryURL": "https://avd.aquasec.com/nvd/cve-2026-0001",
        "Title": "openssl: a hole",
        "Severity": "HIGH",
    }
    return plain | changes


def main() -> None:
    wanted = json.loads(os.environ.get("TRIVY_STAND_IN", "{}"))
    given = _options(sys.argv[1:])
    if any(name.startswith("SHIPWAY") for name in os.environ):
        _fatal("it was given secrets of ours")
    if "sleep" in wanted:
        time.sleep(wanted["sleep"])
    if "fatal" in wanted:
        _fatal(wanted["fatal"])
    with tarfile.open(given["--input"]) as archive:
        tags = json.load(archive.extractfile("manifest.json"))[0]["RepoTags"]  # type: ignore[arg-type]
    if given["--format"] == "spdx-json":
        listed = {"spdxVersion": "SPDX-2.3", "name": given["--input"], "packages": [{"name": "openssl"}]}
        Path(given["--output"]).write_text(json.dumps(listed))
        return
    report = {"SchemaVersion": wanted.get("schema", 2), "ArtifactName": given["--input"]}
    report |= {"ArtifactType": "container_image", "Metadata": {"RepoTags": tags}}
    found = [one for one in wanted.get("vulnerabilities", []) if _counts(one, given)]
    if found:
        part = {"Target": "debian 12", "Class": "os-pkgs", "Type": "debian", "Vulnerabilities": found}
        report["Results"] = [part]
    Path(given["--output"]).write_text(json.dumps(report))


def _options(words: list[str]) -> dict[str, str]:
    if words[:1] != ["image"]:
        _fatal(f'unknown command "{words[:1]}" for "trivy"')
    given, rest = {}, words[1:]
    while rest:
        name = rest.pop(0)
        if name not in VALUES + FLAGS:
            _fatal(f"unknown flag: {name}")
        given[name] = rest.pop(0) if name in VALUES else "true"
    if given["--format"] == "spdx-json":
        return given
    if (given["--format"], given["--scanners"], given["--exit-code"]) != ("json", "vuln", "0"):
        _fatal(f"not what Shipway asks for: {given}")
    return given


def _counts(one: dict[str, Any], given: dict[str, str]) -> bool:
    fixed = bool(one.get("FixedVersion")) or "--ignore-unfixed" not in given
    return fixed and one["Severity"] in given["--severity"].split(",")


def _fatal(text: str) -> None:
    sys.stderr.write(f"2026-11-27T11:00:00Z\t{text}\n")
    sys.exit(1)
