"""Turns runs, their stages and what their tests said into answers. No decision, no I/O."""

from pipeline.delivery.report import TestOutcome, Totals
from pipeline.delivery.run import Run, Stage, StageName
from pipeline.web.answers import CaseAnswer, RunAnswer, StageAnswer, TestCommandAnswer, TestsAnswer


def run_view(run: Run) -> RunAnswer:
    return RunAnswer(
        id=run.id,
        service=run.service,
        environment=run.environment,
        kind=run.kind,
        ref=run.ref,
        commit=run.commit,
        message=run.message,
        status=run.status,
        error=run.error,
        stages=[_stage_view(stage) for stage in run.stages],
        tests=_tests_view(run.stage(StageName.TEST).tests),
        release=run.release,
        deployment=run.deployment,
        delivery=run.delivery,
        requested_by=run.requested_by,
        attempt=run.attempt,
        cancel_requested=run.cancel_requested,
        waits=run.waits,
        approved_by=run.approved_by,
        held=run.held,
        overridden_by=run.overridden_by,
        override_reason=run.override_reason,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        merge_request=run.merge_request or None,
        target=run.target,
        fork=run.fork,
    )


def _stage_view(stage: Stage) -> StageAnswer:
    return StageAnswer(
        name=stage.name,
        status=stage.status,
        started_at=stage.started_at,
        finished_at=stage.finished_at,
        error=stage.error,
        detail=stage.detail,
        attempts=stage.attempts,
    )


def _tests_view(outcome: TestOutcome | None) -> TestsAnswer | None:
    if outcome is None:
        return None
    passed, failed, skipped = _counts(outcome.totals)
    return TestsAnswer(
        passed=passed,
        failed=failed,
        skipped=skipped,
        coverage=outcome.coverage,
        commands=[
            TestCommandAnswer(
                name=command.name,
                exit_code=command.exit_code,
                seconds=command.seconds,
                attempts=command.attempts,
            )
            for command in outcome.commands
        ],
        cases=[
            CaseAnswer(name=case.name, message=case.message, command=command.name)
            for command in outcome.commands
            for case in command.cases
        ],
    )


def _counts(totals: Totals | None) -> tuple[int | None, int | None, int | None]:
    return (totals.passed, totals.failed + totals.errors, totals.skipped) if totals else (None, None, None)
