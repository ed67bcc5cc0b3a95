"""Counts health samples of one replica. Pure: no verdict about a release is made here, and no time is read.

A sample that could not be asked (`asked` False) is neither good nor bad. Flapping starts the good row again and never
moves a deadline.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from pipeline.rollout.deployment import ReplicaRecord
from pipeline.rollout.observed import Sample
from pipeline.rollout.release import HealthCheck

EAGER = 0.25  # seconds between two samples of a replica that was never well


def count(record: ReplicaRecord, sample: Sample) -> ReplicaRecord:
    """The record with one more sample. The same sample twice counts once."""
    if record.sampled_at is not None and sample.at <= record.sampled_at:
        return record
    seen = replace(record, sampled_at=sample.at, note=sample.note)
    if not sample.asked:
        return replace(seen, unknown_since=record.unknown_since or sample.at)
    if sample.ok:
        since = record.good_since or sample.at
        return replace(seen, good=record.good + 1, bad=0, good_since=since, unknown_since=None)
    return replace(seen, good=0, bad=record.bad + 1, good_since=None, unknown_since=None)


def count_smoke(record: ReplicaRecord, verdict: Sample) -> ReplicaRecord:
    if not verdict.asked:
        return replace(record, note=verdict.note)
    if verdict.ok:
        return replace(record, smoked=True, smoke_bad=0)
    return replace(record, smoked=False, smoke_bad=record.smoke_bad + 1, note=verdict.note)


def due(record: ReplicaRecord | None, check: HealthCheck, now: datetime, eager: bool = False) -> bool:
    """Time for the next sample?"""
    if record is None:
        return True
    at = due_at(record, check, eager)
    return at is None or now >= at


def due_at(record: ReplicaRecord, check: HealthCheck, eager: bool = False) -> datetime | None:
    """None: at once. `eager`: nobody waits for more than its first good answer yet, and bad ones do not count."""
    if record.sampled_at is None:
        return None
    often = min(check.interval, EAGER) if eager and not record.good else check.interval
    return record.sampled_at + timedelta(seconds=often)


def smoke_due(record: ReplicaRecord, check: HealthCheck) -> bool:
    """Smoke requests are asked once the replica says that it is well."""
    return bool(check.smoke) and not record.smoked and record.good >= check.rise


def proved(record: ReplicaRecord, check: HealthCheck, healthy_for: float, now: datetime) -> bool:
    """`rise` good samples in a row, good for `healthy_for`, and the smoke requests answered."""
    if record.good < check.rise or record.good_since is None:
        return False
    if check.smoke and not record.smoked:
        return False
    return now >= record.good_since + timedelta(seconds=healthy_for)


def fallen(record: ReplicaRecord, check: HealthCheck) -> bool:
    return record.bad >= check.fall


def smoke_failed(record: ReplicaRecord, check: HealthCheck) -> bool:
    return record.smoke_bad >= check.fall


def patience(check: HealthCheck, deadline: float) -> float:
    """Seconds that a host's replicas have from their start to a good verdict: the repository's word, within the operator's."""
    return min(deadline, check.start_period + check.deadline)
