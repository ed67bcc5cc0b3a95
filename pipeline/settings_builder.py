"""The keys of `builder:` in shipway.yml, and the settings that they make."""

from pydantic import Field

from pipeline import units
from pipeline.delivery.findings import Provenance, ScanPolicy, Severity
from pipeline.settings import BuilderSettings
from pipeline.settings_rollout import Keys
from pipeline.units import PositiveDuration, Word


class ScanKeys(Keys):
    trivy: Word = Field(min_length=1, description="The executable on the workers' machine: its name or path.")
    severity: list[Severity] = Field(
        default=[Severity.HIGH, Severity.CRITICAL], min_length=1, description="Which findings count."
    )
    ignore_unfixed: bool = Field(default=True, description="Only those that a newer package mends.")
    fail: bool = Field(
        default=True, description="An image with findings, or that nobody could scan, is not published."
    )
    timeout: PositiveDuration = Field(default=300.0, description="A scan that takes longer is given up.")

    def policy(self) -> ScanPolicy:
        return ScanPolicy(self.trivy, tuple(self.severity), self.ignore_unfixed, self.fail, self.timeout)


class AttestKeys(Keys):
    sbom: bool = Field(default=False, description="The list of its packages (SPDX), made by `scan.trivy`.")
    provenance: Provenance = Field(
        default=Provenance.NONE, description="min: source, commit, bases and times (SLSA 1.0)."
    )


class BuilderKeys(Keys):
    engine: units.EngineUrl = Field(
        default="unix:///var/run/docker.sock", description="The engine that builds and tests."
    )
    concurrency: int = Field(default=2, ge=1, le=64, description="Runs worked on at the same time.")
    timeout: PositiveDuration = Field(default=1800.0, description="A build that takes longer fails.")
    scan: ScanKeys | None = Field(
        default=None, description="Look for known vulnerabilities before an image is published."
    )

    attest: AttestKeys = Field(default=AttestKeys(), description="What is kept with a run about its image.")

    def settings(self) -> BuilderSettings:
        scan = self.scan.policy() if self.scan else None
        return BuilderSettings(
            self.engine, self.concurrency, self.timeout, scan, self.attest.sbom, self.attest.provenance
        )
