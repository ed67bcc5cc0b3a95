"""What became of a run in a sentence, and what one can do now. Rules over an answer."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.delivery.run import RunStatus, StageStatus
from pipeline.web.answers import RunAnswer
from pipeline.web.pages.language import key


@dataclass(frozen=True)
class Verdict:
    """`sentence` and `then` are keys of the catalogue, `parts` what stands in them, `spoken` those parts that are keys
    themselves; `why` is the error's own text."""

    tone: str
    sentence: str
    parts: dict[str, object] = field(default_factory=dict)
    why: str = ""
    then: str = ""
    spoken: dict[str, str] = field(default_factory=dict)


def verdict_of(run: RunAnswer) -> Verdict:
    return VERDICTS[run.status](run)


def _queued(run: RunAnswer) -> Verdict:
    if run.waits:
        return Verdict("warn", key("Built, tested and published. It waits for somebody to let it deploy."))
    if run.held:
        return Verdict(
            "warn",
            key("Built, tested and published. It {waits}."),
            {"waits": run.held, "n": run.id},
            then=key(
                "It deploys by itself then. An admin lets it deploy now: shipway run approve {n} --override"
            ),
        )
    return Verdict("idle", key("It waits for its turn."))


def _running(run: RunAnswer) -> Verdict:
    if run.cancel_requested:
        return Verdict("warn", key("It was asked to stop, and is stopping."))
    stage = next((one.name.value for one in run.stages if one.status is StageStatus.RUNNING), "")
    if not stage:
        return Verdict("busy", key("It is under way."))
    return Verdict("busy", key("It is under way: {stage}."), spoken={"stage": stage})


def _succeeded(run: RunAnswer) -> Verdict:
    if run.merge_request:
        return Verdict("good", key("Built and tested. What a merge request holds is never deployed."))
    if run.release is None:
        return Verdict("good", key("All went well."))
    return Verdict(
        "good",
        key("Release {n} was brought onto {environment}."),
        {"n": run.release, "environment": run.environment},
    )


def _failed(run: RunAnswer) -> Verdict:
    stage = next((one.name.value for one in run.stages if one.status is StageStatus.FAILED), "")
    then = key("When the cause lay elsewhere, retry the same commit.")
    if stage == "deploy" and run.deployment is not None:
        then = key("The deployment tells which host, which step and what was seen there.")
    if not stage:
        return Verdict("bad", key("It failed."), why=run.error, then=then)
    return Verdict("bad", key("It failed: {stage}."), why=run.error, then=then, spoken={"stage": stage})


def _cancelled(run: RunAnswer) -> Verdict:
    return Verdict(
        "idle", key("It was cancelled."), why=run.error, then=key("Retry brings the same commit again.")
    )


def _superseded(run: RunAnswer) -> Verdict:
    return Verdict("idle", key("A newer one took its place before it began."), why=run.error)


VERDICTS: dict[RunStatus, Callable[[RunAnswer], Verdict]] = {
    RunStatus.QUEUED: _queued,
    RunStatus.RUNNING: _running,
    RunStatus.SUCCEEDED: _succeeded,
    RunStatus.FAILED: _failed,
    RunStatus.CANCELLED: _cancelled,
    RunStatus.SUPERSEDED: _superseded,
}
