"""FLOW: a commit becomes an image with a digest, then a deployment. Everything it learns is in the books before it goes on.

A worker that dies leaves a run that the next one resumes with the first stage not done. Trouble of the outside world is
waited out for a while and never blamed on the commit without saying so. Never rolls anything out: the deploy stage is
handed over to `rollout.drive`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from pipeline.delivery import stages
from pipeline.delivery.attesting import keep_provenance
from pipeline.delivery.reuse import Earlier, bases_used, look_back
from pipeline.delivery.run import BASES, COMMITTED, Run, RunStatus, Stage, StageName, StageStatus
from pipeline.delivery.scanning import scan_image
from pipeline.delivery.testing import run_tests
from pipeline.delivery.trip import SKIPPED, Detail, Ground, Trip, log_of, order_of_build, patiently
from pipeline.delivery.unchanged import unchanged
from pipeline.delivery.waiting import must_wait
from pipeline.errors import DiskFull, Rejected, RunnerError, ShipwayError, StageFailed, Stopped, Unreachable
from pipeline.fleet.service import Repository
from pipeline.lease import Lease
from pipeline.ports import BUILDER, Ports
from pipeline.retention.need import builds_needed
from pipeline.retention.prune import make_room
from pipeline.rollout.deployment import Request
from pipeline.rollout.release import Release
from pipeline.rollout.secrets import run_secrets
from pipeline.rollout.whereabouts import drafted

AFTER_CHECKOUT = tuple(StageName)[1:]
FULL = (40, 64)  # digits of a commit: SHA-1, SHA-256


def deliver(run_id: int, lease: Lease, stop: Callable[[], bool], ports: Ports) -> None:
    """Of a run that was begun. Raises `Stopped` when it is to be left to the next owner."""
    run = ports.runs.run(run_id)
    if run.over or run.deployment is not None:
        return
    try:
        service = ports.service(run.service)
        environment = None if run.merge_request else ports.settings.environment(run.service, run.environment)
        deployment = _travel(Trip(run, service, environment, lease, stop), ports)
    except Stopped:
        now = ports.runs.run(run_id)
        if not now.cancel_requested:
            raise
        _end(run, RunStatus.CANCELLED, now.error or "Cancelled on request.", lease, ports)
    except ShipwayError as error:
        _end(run, RunStatus.FAILED, ports.logs.masked(str(error)), lease, ports)
    else:
        if deployment is not None:
            _wake(run_id, deployment, ports)


def _travel(trip: Trip, ports: Ports) -> int | None:
    """The deployment; None: the run is over already, or waits."""
    run, tag = trip.run, stages.tag_of(trip.run, ports.settings.registry)
    if run.attempt > 1:
        _clean(run, ports)
    if trip.environment:
        run_secrets(trip.environment, ports)  # one that is missing is told before an hour of building
    todo = stages.remaining(run, _still_there(tag, ports))
    ground = _check_out(trip, ports)
    trip = replace(trip, run=replace(run, commit=ground.commit))
    if StageName.BUILD in todo and ground.unchanged:
        _skip(AFTER_CHECKOUT, ground.unchanged, trip, ports)
        _end(run, RunStatus.SUCCEEDED, "", trip.lease, ports)
        return None
    published = _bring(trip, ground, tag, todo, ports)
    if run.merge_request:
        _end(run, RunStatus.SUCCEEDED, "", trip.lease, ports)
        return None
    trip.check()
    _clean(run, ports)
    if must_wait(trip, ports):
        return None
    return _hand_over(trip, ground, published, ports)


def _bring(trip: Trip, ground: Ground, tag: str, todo: Sequence[StageName], ports: Ports) -> Detail:
    """The image into the registry, as far as it is not there; that of a merge request is only built and tested."""
    request = trip.run.merge_request
    if StageName.BUILD in todo:
        earlier = Earlier() if request else look_back(trip, ground, ports)
        if earlier.twin:
            return _reuse(trip, earlier.twin, ports)
        _stage(StageName.BUILD, lambda: _build(trip, ground, tag, earlier.refresh, ports), trip, ports)
    if StageName.TEST in todo:
        _stage(StageName.TEST, lambda: run_tests(trip, ground, tag, ports), trip, ports)
    if request:
        _skip((StageName.PUBLISH, StageName.DEPLOY), stages.kept_back(trip.run), trip, ports)
        return {}
    if StageName.PUBLISH in todo:
        return _stage(StageName.PUBLISH, lambda: _publish(trip, ground, tag, ports), trip, ports)
    return trip.run.stage(StageName.PUBLISH).detail


def _check_out(trip: Trip, ports: Ports) -> Ground:
    run, service, found = trip.run, trip.service, []
    repository = stages.readable(service.repository, run)

    def work() -> Detail:
        log = log_of(run, StageName.CHECKOUT, ports)
        commit = patiently(lambda: _commit(run, repository, ports), log, trip, ports)
        folder = patiently(
            lambda: ports.source.checkout(repository, commit, run.ref, run.id, log, trip.stop),
            log,
            trip,
            ports,
        )
        spec = ports.source.spec(folder, service.path)
        recipe = ports.source.recipe(folder, service.path, spec.build)
        tree = ports.source.tree(repository, commit, folder, recipe.context)
        when = ports.source.committed_at(repository, commit)
        fingerprint = stages.fingerprint(run, spec, recipe, tree)
        ground = Ground(commit, spec, recipe, fingerprint, committed_at=when)
        found.append(replace(ground, unchanged=unchanged(trip, ground, log, ports)))
        detail = {"commit": commit, "fingerprint": ground.fingerprint}
        return detail | ({COMMITTED: when.isoformat()} if when else {})

    _stage(StageName.CHECKOUT, work, trip, ports)
    return found[0]


def _commit(run: Run, repository: Repository, ports: Ports) -> str:
    if len(run.commit) in FULL:
        return run.commit
    commit = ports.source.resolve(repository, run.commit)[2]
    if not commit.startswith(run.commit):
        raise StageFailed(f"{repository.url} has a branch named {run.commit!r}, like the commit. Rename it.")
    return commit


def _reuse(trip: Trip, twin: Run, ports: Ports) -> Detail:
    """Nothing is built, tested or pushed; the release gets the earlier run's image."""
    why = f"Same tree as run {twin.id}: its image is used. `shipway run start` builds anew."
    log_of(trip.run, StageName.BUILD, ports)(f"{why}\n")
    skipped: Detail = {SKIPPED: why}
    built_on = {BASES: twin.stage(StageName.BUILD).detail.get(BASES, "")}
    _stage(StageName.BUILD, lambda: skipped | built_on, trip, ports)
    _stage(StageName.TEST, lambda: skipped, trip, ports)
    return _stage(StageName.PUBLISH, lambda: twin.stage(StageName.PUBLISH).detail | skipped, trip, ports)


def _build(trip: Trip, ground: Ground, tag: str, refresh: bool, ports: Ports) -> Detail:
    log = log_of(trip.run, StageName.BUILD, ports)
    _demand_room(trip, log, ports)
    order = replace(order_of_build(trip, ground, tag, ports), refresh=refresh)
    image = patiently(lambda: ports.builder.build(order, log, trip.stop), log, trip, ports)
    return {"image": image, "tag": tag, BASES: bases_used(ground, ports)}


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
    return patiently(ports.builder.free_bytes, log, trip, ports)


def _publish(trip: Trip, ground: Ground, tag: str, ports: Ports) -> Detail:
    log, access = log_of(trip.run, StageName.PUBLISH, ports), ports.settings.registry
    repository = access.repository(trip.run.service)
    facts = patiently(lambda: ports.builder.facts(tag), log, trip, ports)
    scan = scan_image(trip, tag, ports)
    image = patiently(
        lambda: ports.builder.publish(tag, repository, access, log, trip.stop), log, trip, ports
    )
    keep_provenance(trip, ground, tag, image, ports)
    return {"image": image, **stages.facts_detail(facts), **scan}


def _hand_over(trip: Trip, ground: Ground, published: Detail, ports: Ports) -> int:
    run, now = trip.run, ports.clock.now()
    place = ports.settings.environment(run.service, run.environment)
    environment = replace(place, secrets=run_secrets(place, ports))
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


def _skip(names: Iterable[StageName], why: str, trip: Trip, ports: Ports) -> None:
    def work(name: StageName) -> Detail:
        log_of(trip.run, name, ports)(f"{why}\n")
        return {SKIPPED: why}

    for name in names:
        _stage(name, partial(work, name), trip, ports)


def _stage(name: StageName, work: Callable[[], Detail], trip: Trip, ports: Ports) -> Detail:
    """Does `work` and keeps the stage's row and log. What it raises goes on, written down."""
    trip.check()
    run, lease = trip.run, trip.lease
    begun = Stage(name, StageStatus.RUNNING, started_at=ports.clock.now())
    ports.runs.save_stage(run.id, begun, lease)
    try:
        detail = work()
    except Stopped as stopped:
        log_of(run, name, ports)(f"\n[shipway] {stopped}\n")
        raise
    except ShipwayError as error:
        told = ports.logs.masked(str(error))
        log_of(run, name, ports)(f"\n[shipway] {error}\n")
        failed = replace(_as_written(begun, run, ports), status=StageStatus.FAILED, error=told)
        ports.runs.save_stage(run.id, replace(failed, finished_at=ports.clock.now()), lease)
        raise
    finally:
        ports.logs.close(run.id, name.value)
    status = StageStatus.SKIPPED if SKIPPED in detail else StageStatus.SUCCEEDED
    done = replace(
        _as_written(begun, run, ports), status=status, finished_at=ports.clock.now(), detail=detail
    )
    ports.runs.save_stage(run.id, done, lease)
    return detail


def _as_written(begun: Stage, run: Run, ports: Ports) -> Stage:
    """With what its work wrote down meanwhile."""
    return replace(begun, tests=ports.runs.run(run.id).stage(begun.name).tests)


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
        title = f"{run.service} {run.place}: run {run.id} failed"
        ports.notices.tell(title, sentence)


def _clean(run: Run, ports: Ports) -> None:
    """Failing to clean never decides the run; it is said where somebody looks."""
    try:
        ports.source.clean(run.id)
        ports.builder.clean(run.id, run.service, builds_needed(run.service, ports))
    except RunnerError as error:
        log_of(run, StageName.CHECKOUT, ports)(f"[shipway] Could not clean up: {error}\n")
