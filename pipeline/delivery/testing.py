"""FLOW of the test stage: build what is needed, run every command, try the red ones again, write down what came of it.

Raises `StageFailed` with a sentence that names the command and its first failing cases.
"""

from dataclasses import replace

from pipeline.delivery import stages
from pipeline.delivery.orders import TestOrder
from pipeline.delivery.report import TestOutcome
from pipeline.delivery.run import StageName
from pipeline.delivery.trip import (
    SKIPPED,
    Detail,
    Ground,
    Trip,
    log_of,
    order_of_build,
    patiently,
    secrets_for,
)
from pipeline.errors import StageFailed
from pipeline.ports import Ports
from pipeline.spec import Spec
from pipeline.stored_secret import Use


def run_tests(trip: Trip, ground: Ground, tag: str, ports: Ports) -> Detail:
    log = log_of(trip.run, StageName.TEST, ports)
    plan = stages.plan_tests(ground.spec, ground.recipe.text)
    if plan.skipped:
        log(f"{plan.skipped}\n")
        return {SKIPPED: plan.skipped}
    if plan.target:
        order = stages.build_of_tests(order_of_build(trip, ground, tag, ports), plan)
        patiently(lambda: ports.builder.build(order, log, trip.stop), log, trip, ports)
        tag = order.tag
    if not plan.commands:
        return {"summary": f"The stage {plan.target} was built; its steps are the tests."}
    secrets = secrets_for(trip, Use.TEST, ports)
    order_of_tests = stages.order_of_tests(trip.run, ground.spec, plan, tag, secrets)
    outcome = _try_tests(trip, ground.spec, order_of_tests, ports)
    if failure := stages.failure_of(ground.spec, outcome):
        raise StageFailed(failure)
    return {"summary": outcome.summary}


def _try_tests(trip: Trip, spec: Spec, order: TestOrder, ports: Ports) -> TestOutcome:
    """What is red is tried again as often as the repository wants."""
    outcome = _try_once(trip, order, ports)
    for attempt in range(2, spec.test.retry + 2):
        if not outcome.failed:
            break
        log_of(trip.run, StageName.TEST, ports)(
            f"[shipway] Red; attempt {attempt} of {spec.test.retry + 1}.\n"
        )
        order = stages.tests_again(order, outcome)
        outcome = outcome.then(_try_once(trip, order, ports))
    begun = ports.runs.run(trip.run.id).stage(StageName.TEST)
    ports.runs.save_stage(trip.run.id, replace(begun, tests=outcome), trip.lease)
    return outcome


def _try_once(trip: Trip, order: TestOrder, ports: Ports) -> TestOutcome:
    log = log_of(trip.run, StageName.TEST, ports)
    return patiently(lambda: ports.builder.test(order, log, trip.stop), log, trip, ports)
