"""FLOW: a commit becomes an image with a digest, then a deployment. Everything it learns is in the books before it goes on.

A worker that dies leaves a run that the next one resumes with the first stage not done. Trouble of the outside world is
waited out for a while and never blamed on the commit without saying so. Never rolls anything out: the deploy stage is
handed over to `rollout.drive`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from pipeline.delivery import stages
from pipeline.delivery.orders import Recipe
from pipeline.delivery.run import Run, RunStatus, Stage, StageName, StageStatus
from pipeline.errors import DiskFull, Rejected, RunnerError, ShipwayError, StageFailed, Stopped, Unreachable
from pipeline.fleet.service import Environment, Service
from pipeline.lease import Lease
from pipeline.ports import BUILDER, Ports
from pipeline.retention.prune import make_room
from pipeline.rollout.deployment import Request
from pipeline.rollout.release import Release
from pipeline.rollout.secrets import run_secrets, secrets_of
from pipeline.rollout.whereabouts import drafted
from pipeline.secret import Secret
from pipeline.spec import Spec
from pipeline.stored_secret import Use

T = TypeVar("T")
Detail = dict[str, str]
SKIPPED = "skipped"  # key of a stage's detail


@dataclass(frozen=True)
class Trip:
    """One attempt at one run."""

    run: Run
    service: Service
    environment: Environment
    lease: Lease
    stop: Callable[[], bool]

    def check(self) -> None:
        if self.stop():
            raise Stopped(f"Run {self.run.id} was stopped.")


@dataclass(frozen=True)
class Ground:
    """What the work tree says."""

    spec: Spec
    recipe: Recipe


def deliver(run_id: int, lease: Lease, stop: Callable[[], bool], ports: Ports) -> None:
    """Of a run that was begun. Raises `Stopped` when it is to be left to the next owner."""
    run = ports.runs.run(run_id)
    if run.over or run.deployment is not None:
        return
    try:
        service = ports.service(run.service)
        environment = ports.settings.environment(run.service, run.environment)
        deployment = _travel(Trip(run, service, environment, lease, stop), ports)
    except Stopped:
        if not ports.runs.run(run_id).cancel_requested:
            raise
        _end(run, RunStatus.CANCELLED, "Cancelled on request.", lease, ports)
    except ShipwayError as error:
        _end(run, RunStatus.FAILED, ports.logs.masked(str(error)), lease, ports)
    else:
        _wake(run_id, deployment, ports)


def _travel(trip: Trip, ports: Ports) -> int:
    run, tag = trip.run, stages.tag_of(trip.run, ports.settings.registry)
    if run.attempt > 1:
        _clean(run, ports)
    run_secrets(trip.environment, ports)  # one that is missing is told before an hour of building
    todo = stages.remaining(run, _still_there(tag, ports))
    ground = _check_out(trip, ports)
    if StageName.BUILD in todo:
        _stage(StageName.BUILD, lambda: _build(trip, ground, tag, ports), trip, ports)
    if StageName.TEST in todo:
        _stage(StageName.TEST, lambda: _test(trip, ground, tag, ports), trip, ports)
    published = run.stage(StageName.PUBLISH).detail
    if StageName.PUBLISH in todo:
        published = _stage(StageName.PUBLISH, lambda: _publish(trip, tag, ports), trip, ports)
    trip.check()
    _clean(run, ports)
    return _hand_over(trip, ground, published, ports)


def _check_out(trip: Trip, ports: Ports) -> Ground:
    run, service, found = trip.run, trip.service, []

    def work() -> Detail:
        log = _log(run, StageName.CHECKOUT, ports)
        folder = _patiently(
            lambda: ports.source.checkout(service.repository, run.commit, run.ref, run.id, log, trip.stop),
            log,
            trip,
            ports,
        )
        spec = ports.source.spec(folder, service.path)
        found.append(Ground(spec, ports.source.recipe(folder, service.path, spec.build)))
        return {"commit": run.commit}

    _stage(StageName.CHECKOUT, work, trip, ports)
    return found[0]


def _build(trip: Trip, ground: Ground, tag: str, ports: Ports) -> Detail:
    log = _log(trip.run, StageName.BUILD, ports)
    _demand_room(trip, log, ports)
    order = stages.build_order(trip.run, ground.spec, ground.recipe, tag, ports.settings.builder.timeout)
    image = _patiently(lambda: ports.builder.build(order, log, trip.stop), log, trip, ports)
    return {"image": image, "tag": tag}


def _demand_room(trip: Trip, log: Callable[[str], None], ports: Ports) -> None:
    """On the builder, before anything is written. What nobody needs goes first, then the cache."""
    floor, free = ports.settings.retention.build_floor, _room(trip, log, ports)
    if free is None or free >= floor:
        return
    log(f"[shipway] Only {free >> 20} MiB of the builder's disk are free: what nobody needs is removed.\n")
    make_room(BUILDER, f"run:{trip.run.id}", ports)
    if (_room(trip, log, ports) or 0) < floor:
        ports.builder.drop_cache()
    free = _room(trip, log, ports) or 0
    if free < floor:
        raise DiskFull(
            f"The builder has {free >> 20} MiB of disk free, and a build needs {floor >> 20} (retention.build_floor). "
            "Nothing that Shipway made there is left to remove. Make room on it, then run it again: "
            f"`shipway run retry {trip.run.id}`."
        )


def _room(trip: Trip, log: Callable[[str], None], ports: Ports) -> int | None:
    return _patiently(ports.builder.free_bytes, log, trip, ports)


def _test(trip: Trip, ground: Ground, tag: str, ports: Ports) -> Detail:
    log = _log(trip.run, StageName.TEST, ports)
    plan = stages.plan_tests(ground.spec, ground.recipe.text)
    if plan.skipped:
        log(f"{plan.skipped}\n")
        return {SKIPPED: plan.skipped}
    if plan.target:
        build = stages.build_order(trip.run, ground.spec, ground.recipe, tag, ports.settings.builder.timeout)
        order = stages.build_of_tests(build, plan)
        _patiently(lambda: ports.builder.build(order, log, trip.stop), log, trip, ports)
        tag = order.tag
    if not plan.runs:
        return {"summary": f"The stage {plan.target} was built; its steps are the tests."}
    secrets = _secrets(trip, Use.TEST, ports)
    test = stages.order_of_tests(trip.run, ground.spec, plan, tag, secrets)
    outcome = _patiently(lambda: ports.builder.test(test, log, trip.stop), log, trip, ports)
    if failure := stages.failure_of(ground.spec, outcome):
        raise StageFailed(failure)
    return {"summary": outcome.summary}


def _secrets(trip: Trip, stage: Use, ports: Ports) -> dict[str, Secret]:
    """That are kept for it."""
    run = trip.run
    return secrets_of(run.service, run.environment, stage, ports, stages.trusted(run))


def _publish(trip: Trip, tag: str, ports: Ports) -> Detail:
    log, access = _log(trip.run, StageName.PUBLISH, ports), ports.settings.registry
    repository = access.repository(trip.run.service)
    facts = _patiently(lambda: ports.builder.facts(tag), log, trip, ports)
    image = _patiently(
        lambda: ports.builder.publish(tag, repository, access, log, trip.stop), log, trip, ports
    )
    return {"image": image, **stages.facts_detail(facts)}


def _hand_over(trip: Trip, ground: Ground, published: Detail, ports: Ports) -> int:
    run, now = trip.run, ports.clock.now()
    environment = replace(trip.environment, secrets=run_secrets(trip.environment, ports))
    release = Release(
        service=run.service,
        number=0,
        image=published["image"],
        commit=run.commit,
        ref=run.ref,
        spec=stages.runtime_of(ground.spec, environment, stages.facts_from(published)),
        environment=run.environment,
        run=run.id,
        created_at=now,
    )
    deployment = drafted(environment, release, stages.reason_of(run), run.requested_by, ports, run.id)
    return ports.runs.hand_over(run.id, release, deployment, trip.lease)


def _wake(run_id: int, deployment: int, ports: Ports) -> None:
    if ports.runs.run(run_id).cancel_requested:  # it came while we handed over: the driver obeys it
        ports.deployments.ask(deployment, Request.ABORT)
    ports.queue.wake_deployment(deployment)


def _stage(name: StageName, work: Callable[[], Detail], trip: Trip, ports: Ports) -> Detail:
    """Does `work` and keeps the stage's row and log. What it raises goes on, written down."""
    trip.check()
    run, lease = trip.run, trip.lease
    begun = Stage(name, StageStatus.RUNNING, started_at=ports.clock.now())
    ports.runs.save_stage(run.id, begun, lease)
    try:
        detail = work()
    except Stopped as stopped:
        _log(run, name, ports)(f"\n[shipway] {stopped}\n")
        raise
    except ShipwayError as error:
        _log(run, name, ports)(f"\n[shipway] {error}\n")
        told = ports.logs.masked(str(error))
        failed = replace(begun, status=StageStatus.FAILED, finished_at=ports.clock.now(), error=told)
        ports.runs.save_stage(run.id, failed, lease)
        raise
    finally:
        ports.logs.close(run.id, name.value)
    status = StageStatus.SKIPPED if SKIPPED in detail else StageStatus.SUCCEEDED
    done = replace(begun, status=status, finished_at=ports.clock.now(), detail=detail)
    ports.runs.save_stage(run.id, done, lease)
    return detail


def _patiently(act: Callable[[], T], log: Callable[[str], None], trip: Trip, ports: Ports) -> T:
    """Tries again what did not answer, for a bounded time. Whatever answered no is final at once."""
    begun = ports.clock.now()
    for tried, pause in enumerate(stages.pauses(), start=1):
        trip.check()
        try:
            return act()
        except Unreachable as error:
            spent = (ports.clock.now() - begun).total_seconds()
            if spent + pause > stages.PATIENCE:
                raise Unreachable(f"{error} Tried {tried} times in {spent:.0f} s.") from error
            log(f"[shipway] {error} Trying again in {pause:.0f} s.\n")
        _sleep(pause, trip, ports)
    raise AssertionError("pauses() has no end")


def _sleep(seconds: float, trip: Trip, ports: Ports) -> None:
    while seconds > 0:
        trip.check()
        ports.clock.sleep(min(1.0, seconds))
        seconds -= 1.0


def _still_there(tag: str, ports: Ports) -> bool:
    try:
        ports.builder.facts(tag)
    except (Rejected, Unreachable):
        return False
    return True


def _end(run: Run, status: RunStatus, sentence: str, lease: Lease, ports: Ports) -> None:
    """Whoever lost the lease learns it at the first line and touches nothing."""
    now = ports.clock.now()
    for stage in ports.runs.run(run.id).stages:
        if stage.status is StageStatus.RUNNING:
            cut = replace(stage, status=StageStatus.CANCELLED, finished_at=now, error=sentence)
            ports.runs.save_stage(run.id, cut, lease)
    _clean(run, ports)
    ports.runs.finish(run.id, status, sentence, lease)
    if status is RunStatus.FAILED:
        title = f"{run.service} {run.environment}: run {run.id} failed"
        ports.notices.tell(title, sentence)


def _clean(run: Run, ports: Ports) -> None:
    """Failing to clean never decides the run; it is said where somebody looks."""
    try:
        ports.source.clean(run.id)
        ports.builder.clean(run.id, run.service)
    except RunnerError as error:
        _log(run, StageName.CHECKOUT, ports)(f"[shipway] Could not clean up: {error}\n")


def _log(run: Run, name: StageName, ports: Ports) -> Callable[[str], None]:
    return lambda text: ports.logs.append(run.id, name.value, text)
