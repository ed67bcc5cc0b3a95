"""Known vulnerabilities of an image, which of them count, and what is said of them. Nouns, and sentences."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

NAMED = 5  # in the run's error
SHOWN = 20  # in the log
REPORT = "scan/trivy.json"  # the artifacts
SBOM = "attest/sbom.spdx.json"
PROVENANCE = "attest/provenance.json"


class Provenance(StrEnum):
    """How much is told of where an image comes from."""

    NONE = "none"
    MIN = "min"


class Severity(StrEnum):
    """Worst last."""

    UNKNOWN = "UNKNOWN"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


RANK = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True)
class ScanPolicy:
    """`fail`: findings, and a scanner that cannot say, keep an image from being published."""

    trivy: str
    severity: tuple[Severity, ...] = (Severity.HIGH, Severity.CRITICAL)
    ignore_unfixed: bool = True
    fail: bool = True
    timeout: float = 300.0

    @property
    def wanted(self) -> str:
        return " or ".join(one.value for one in sorted(self.severity, key=RANK.__getitem__))


@dataclass(frozen=True)
class ScanOrder:
    """An image on the builder's engine; the whole report is kept as an artifact of the run."""

    run: int
    tag: str
    policy: ScanPolicy
    sbom: bool = False  # the list of its packages is kept too


@dataclass(frozen=True)
class Finding:
    """`fixed`: the version that mends it, empty: there is none."""

    id: str  # CVE-2026-1234, GHSA-…
    package: str
    installed: str
    fixed: str
    severity: Severity
    title: str = ""

    def __str__(self) -> str:
        mended = f" (fixed in {self.fixed})" if self.fixed else " (no fix yet)"
        return f"{self.id} in {self.package} {self.installed}{mended}"


def sorted_findings(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Each once, the worst first."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda one: (-RANK[one.severity], one.package, one.id)))


def counted(findings: Sequence[Finding]) -> str:
    counts = Counter(one.severity for one in findings)
    worst_first = sorted(counts, key=lambda severity: -RANK[severity])
    return ", ".join(f"{counts[severity]} {severity}" for severity in worst_first)


def summary(findings: Sequence[Finding], policy: ScanPolicy) -> str:
    return counted(findings) if findings else f"nothing of severity {policy.wanted}"


def lines(findings: Sequence[Finding], run: int) -> Iterator[str]:
    """For the log."""
    for one in findings[:SHOWN]:
        yield f"{one.severity:<8} {one}{': ' if one.title else ''}{one.title[:100]}"
    if len(findings) > SHOWN:
        yield f"… and {len(findings) - SHOWN} more: shipway run artifacts {run} {REPORT}"


def failure(findings: Sequence[Finding], run: int) -> str:
    """The sentence for an image that is not published."""
    named = "; ".join(str(one) for one in findings[:NAMED])
    more = f"; and {len(findings) - NAMED} more" if len(findings) > NAMED else ""
    return (
        f"The image has known vulnerabilities ({counted(findings)}): {named}{more}. It was not published. Take a newer base "
        f"image or package. All of them: `shipway run artifacts {run} {REPORT}`; what counts: builder.scan in shipway.yml."
    )
