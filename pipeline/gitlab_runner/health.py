"""What is wrong with each runner, in a sentence that says what to do. Pure."""

from datetime import datetime, timedelta

from pipeline.gitlab_runner.runner import Record, RunnerSeen, Sight, Slot

SILENT = timedelta(
    minutes=5
)  # a runner asks for jobs every few seconds, at most once in 50 with long polling
APPLY = "`shipway gitlab runners apply`"


def health(sight: Sight, now: datetime) -> dict[Slot, str]:
    """Empty: nothing is wrong."""
    return {slot: _trouble(slot, record, sight, now) for slot, record in sight.records.items()}


def _trouble(slot: Slot, record: Record, sight: Sight, now: datetime) -> str:
    """What stands in the way first is told first."""
    if not record.runner:
        return f"GitLab was asked to make it, and the answer did not come. {APPLY} looks for it and goes on."
    entry = sight.entries.get(slot)
    if isinstance(entry, str):
        return entry
    if entry is None:
        return f"Runner {record.runner} is gone at GitLab. {APPLY} makes a new one."
    if slot in sight.refused:
        return (
            f"GitLab refuses the token of runner {record.runner}: it was reset or revoked. {APPLY} renews it."
        )
    return _of_container(slot, record, sight, now) or _of_entry(entry, now)


def _of_container(slot: Slot, record: Record, sight: Sight, now: datetime) -> str:
    found, seen = sight.containers.get(slot.host), sight.on(slot)
    if isinstance(found, str):
        return found
    if seen is None:
        return f"Host {slot.host} has no container of it. {APPLY} starts one."
    if seen.state != "running":
        code = "" if seen.exit_code is None else f" with code {seen.exit_code}"
        return f"Its container is {seen.state}{code}; `docker logs {slot.container}` on {slot.host} says why."
    if record.drain_by is not None:
        left = max(0, int((record.drain_by - now).total_seconds()))
        return f"It finishes its jobs and takes no more, for {left} s at most. {APPLY} goes on with what follows."
    return ""


def _of_entry(entry: RunnerSeen, now: datetime) -> str:
    if not entry.status:
        return f"shipway.yml has no fleet for runner {entry.id} any more. {APPLY} removes it."
    if entry.paused:
        return f"Runner {entry.id} is paused at GitLab: somebody did that there, and it takes no jobs until it is resumed."
    if entry.contacted_at is None:
        return f"Runner {entry.id} never called GitLab. Look at its container's log: most often its host cannot reach GitLab."
    silent = now - entry.contacted_at
    if silent > SILENT:
        minutes = int(silent.total_seconds() // 60)
        return f"Runner {entry.id} has not called GitLab for {minutes} minutes. Look at its container's log."
    return ""
