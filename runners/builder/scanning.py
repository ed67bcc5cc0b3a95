"""Asks trivy, a program on this machine, about an image that lies on the builder's engine.

The image travels as an archive: any engine can give one, and trivy needs neither its socket nor our logins. Of our
environment it gets what it needs for its database, no secret of ours. Never judges what it found.
"""

import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline.delivery.findings import REPORT, SBOM, Finding, ScanOrder, Severity
from pipeline.errors import DiskFull, Rejected, RunnerError, Unreachable
from runners.artifact_store import ArtifactKeeper
from runners.builder.building import minutes
from runners.builder.pulling import FULL
from runners.builder.talking import Api, Guard

PASSED_ON = re.compile(
    r"PATH|HOME|TMPDIR|LANG|XDG_CACHE_HOME|TRIVY_\w+|(https?|no)_proxy|SSL_CERT_(FILE|DIR)", re.IGNORECASE
)
SCHEMA = 2  # of trivy's report, https://trivy.dev/latest/docs/configuration/reporting/
AWAY = re.compile(
    r"DB error|failed to download|init error|TOOMANYREQUESTS|dial tcp|no such host|connection refused|i/o timeout"
    r"|deadline exceeded|unexpected status code 5\d\d|unexpected EOF",
    re.IGNORECASE,
)
PIECE = 1 << 20
GLANCE = 0.25  # seconds between two questions whether to stop


def scan(
    api: Api,
    order: ScanOrder,
    artifacts: ArtifactKeeper | None,
    log: Callable[[str], None],
    stop: Callable[[], bool],
    environ: Mapping[str, str] = os.environ,
) -> list[Finding]:
    """Raises `Unreachable` (its database, time), `Rejected` (no trivy, or one that says no)."""
    policy = order.policy
    late = f"The scan did not end within {minutes(policy.timeout)} and was stopped (builder.scan.timeout)."
    with (
        tempfile.TemporaryDirectory(prefix="shipway-scan-") as folder,
        Guard(stop, policy.timeout, late, Unreachable) as guard,
    ):
        archive, report = Path(folder) / "image.tar", Path(folder) / "report.json"
        log(f"Scanning {order.tag}.\n")
        _export(api, order.tag, archive, guard)
        _run(_words(order, archive, report), folder, environ, guard)
        found = {REPORT: report.read_bytes() if report.exists() else b""}
        if order.sbom:
            listed = Path(folder) / "sbom.json"
            _run(_words_of_sbom(order, archive, listed), folder, environ, guard)
            found[SBOM] = listed.read_bytes() if listed.exists() else b""
    for name, content in found.items():
        if artifacts is None or not artifacts.keep_bytes(order.run, name, content):
            log(f"[shipway] {name} is not kept: the run has no room left for it.\n")
    return findings_of(found[REPORT])


def findings_of(report: bytes) -> list[Finding]:
    """Of trivy's JSON. Raises `Rejected` when it is none: nothing found and nothing understood are not the same."""
    try:
        read: Any = json.loads(report)
        version = int(read["SchemaVersion"])
        results = [one for part in read.get("Results") or [] for one in part.get("Vulnerabilities") or []]
        if version == SCHEMA:
            return [_finding(one) for one in results]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Rejected(
            f"trivy's report cannot be read ({error!r:.200}). Update trivy, or Shipway."
        ) from error
    raise Rejected(
        f"trivy's report is of schema {version}; Shipway reads {SCHEMA}. Update the older of the two."
    )


def _finding(one: Mapping[str, Any]) -> Finding:
    return Finding(
        id=str(one["VulnerabilityID"]),
        package=str(one["PkgName"]),
        installed=str(one.get("InstalledVersion", "")),
        fixed=str(one.get("FixedVersion", "")),
        severity=Severity(one["Severity"]),
        title=" ".join(str(one.get("Title", "")).split()),
    )


def _export(api: Api, tag: str, archive: Path, guard: Guard) -> None:
    try:
        with archive.open("wb") as file:
            for piece in api.get_image(tag, PIECE):
                guard.check()
                file.write(piece)
    except OSError as error:
        raise DiskFull(
            f"The image cannot be written for the scan: {error.strerror} in {archive.parent}."
        ) from error


def _words(order: ScanOrder, archive: Path, report: Path) -> list[str]:
    policy = order.policy
    words = [policy.trivy, "image", "--input", str(archive), "--format", "json", "--output", str(report)]
    words += ["--scanners", "vuln", "--severity", ",".join(policy.severity), "--exit-code", "0"]
    words += ["--no-progress", "--timeout", f"{policy.timeout:.0f}s"]
    return [*words, "--ignore-unfixed"] if policy.ignore_unfixed else words


def _words_of_sbom(order: ScanOrder, archive: Path, listed: Path) -> list[str]:
    words = [order.policy.trivy, "image", "--input", str(archive), "--format", "spdx-json"]
    return [*words, "--output", str(listed), "--no-progress", "--timeout", f"{order.policy.timeout:.0f}s"]


def _run(words: list[str], folder: str, environ: Mapping[str, str], guard: Guard) -> None:
    passed = {name: value for name, value in environ.items() if PASSED_ON.fullmatch(name)}
    try:
        child = subprocess.Popen(
            words,
            cwd=folder,  # no trivy.yaml or .trivyignore that somebody left lying about
            env=passed,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise Rejected(
            f"There is no trivy that could be run at {words[0]!r} ({error.strerror}). Install it where the workers run, "
            "or name it in builder.scan.trivy."
        ) from error
    with child:
        try:
            said = _followed(child, guard)
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
    if child.returncode:
        raise _trouble(child.returncode, said)


def _followed(child: "subprocess.Popen[str]", guard: Guard) -> str:
    while True:
        guard.check()
        try:
            return child.communicate(timeout=GLANCE)[1]
        except subprocess.TimeoutExpired:
            continue


def _trouble(code: int, said: str) -> RunnerError:
    words = " ".join(said.split())[-500:] or "nothing"
    if FULL.search(words):
        return DiskFull(f"trivy found no space left on this machine: {words}")
    if AWAY.search(words):
        return Unreachable(f"trivy has no database of vulnerabilities, or cannot reach it: {words}.")
    return Rejected(
        f"trivy ended with exit code {code}: {words}. Look whether it runs by hand on this machine."
    )
