"""FLOW between test and publish: looks whether an image has known vulnerabilities, when the operator wants it.

A scanner that cannot say (no executable, no database) is trouble of the outside world and never blamed on the code.
"""

from pipeline.delivery.findings import Finding, ScanOrder, failure, lines, sorted_findings, summary
from pipeline.delivery.run import StageName
from pipeline.delivery.trip import Detail, Trip, log_of, patiently
from pipeline.errors import RunnerError, StageFailed
from pipeline.ports import Ports


def scan_image(trip: Trip, tag: str, ports: Ports) -> Detail:
    """What the publish stage says of it. Raises `StageFailed` for findings that count, a `RunnerError` when nobody can
    say and that counts too."""
    policy = ports.settings.builder.scan
    if policy is None:
        return {}
    log = log_of(trip.run, StageName.PUBLISH, ports)
    order = ScanOrder(trip.run.id, tag, policy, ports.settings.builder.sbom)
    try:
        found = patiently(lambda: ports.builder.scan(order, log, trip.stop), log, trip, ports)
    except RunnerError as error:
        if policy.fail:
            raise _nobody_can_say(error, trip.run.id) from error
        log(f"[shipway] Published without a scan (builder.scan.fail is false): {error}\n")
        return {"scan": "not scanned"}
    return _judged(sorted_findings(found), order, trip, ports)


def _judged(findings: tuple[Finding, ...], order: ScanOrder, trip: Trip, ports: Ports) -> Detail:
    log, said = log_of(trip.run, StageName.PUBLISH, ports), summary(findings, order.policy)
    log(f"[shipway] The scan found {said}.\n")
    for line in lines(findings, order.run):
        log(f"{line}\n")
    if findings and order.policy.fail:
        raise StageFailed(failure(findings, order.run))
    return {"scan": said}


def _nobody_can_say(error: RunnerError, run: int) -> RunnerError:
    return type(error)(
        f"Nobody could say whether the image has known vulnerabilities, so it was not published: {error} This says nothing "
        f"about the code. When the scanner works again: `shipway run retry {run}`. (builder.scan.fail: false publishes "
        "without.)"
    )
