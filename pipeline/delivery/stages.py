"""The rules of a run: what is still to do, what an image is called, what is built and tested, how a release is run. Pure.

checkout   always first: the work tree is gone after a crash, and the mirror makes it cheap
build      unless its image, or the published one, is still there
test       unless it said yes to that image
publish    unless it brought a digest
deploy     hands over to the rollout
"""

import hashlib
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pipeline.delivery.dockerfile import has_stage, runs_something
from pipeline.delivery.orders import BuildOrder, ImageFacts, Recipe, TestOrder
from pipeline.delivery.report import CommandResult, TestOutcome, named
from pipeline.delivery.run import SCHEDULE, Run, StageName, StageStatus
from pipeline.errors import StageFailed
from pipeline.fleet.host import RegistryAccess
from pipeline.fleet.service import Environment, Repository
from pipeline.rollout.deployment import Reason
from pipeline.rollout.release import HealthCheck, HealthKind, Hook, RuntimeSpec
from pipeline.secret import Secret
from pipeline.spec import Spec

TEST_STAGE = "test"  # of a Dockerfile; built and run when no command is given
TEST_MEMORY = 1 << 30
TEST_CPUS = 2.0
TEST_PIDS = 512
DEFAULT_PORT = 8000
DEFAULT_STOP_TIMEOUT = 10.0
PATIENCE = 120.0  # seconds that trouble of the outside world may last within a stage
PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
SHELL = re.compile(r"[;&|<>`$*?~\n]")
NOTHING: Mapping[str, Secret] = {}
UNKNOWN: Mapping[str, str] = {}
OCI = "org.opencontainers.image"
DONE = frozenset({StageStatus.SUCCEEDED, StageStatus.SKIPPED})


def remaining(run: Run, image_there: bool) -> tuple[StageName, ...]:
    """What this attempt has to do. `image_there`: the builder still holds the image of the build that is done.
    A stage behind one that is done again is done again too."""
    if _done(run, StageName.PUBLISH):
        return StageName.CHECKOUT, StageName.DEPLOY
    if not _done(run, StageName.BUILD) or not image_there:
        return tuple(StageName)
    if not _done(run, StageName.TEST):
        return StageName.CHECKOUT, StageName.TEST, StageName.PUBLISH, StageName.DEPLOY
    return StageName.CHECKOUT, StageName.PUBLISH, StageName.DEPLOY


def _done(run: Run, name: StageName) -> bool:
    return run.stage(name).status in DONE


def fingerprint(run: Run, spec: Spec, recipe: Recipe, tree: str) -> str:
    """Equal for runs that would build and test the same; empty: nobody can say. `tree`: of the folder that is built.
    The Dockerfile may lie elsewhere, or be a link to there. Secrets are the environment's own."""
    if not tree:
        return ""
    place = run.environment if spec.build.secrets else ""
    parts = (tree, recipe.dockerfile, recipe.text, repr(spec.build), repr(spec.test), place)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def is_twin(earlier: Run, run: Run, fingerprint: str) -> bool:
    """It published an image of the same, so its tests were green, or there were none."""
    same = earlier.stage(StageName.CHECKOUT).detail.get("fingerprint") == fingerprint
    return earlier.id != run.id and same and bool(earlier.image) and _done(earlier, StageName.PUBLISH)


def tag_of(run: Run, access: RegistryAccess) -> str:
    return f"{access.repository(run.service)}:run-{run.id}"


def labels_of(run: Run) -> dict[str, str]:
    return {
        "shipway.service": run.service,
        "shipway.commit": run.commit,
        "shipway.ref": run.ref,
        "shipway.run": str(run.id),
    }


def origin_labels(run: Run, source: str, committed_at: datetime | None) -> dict[str, str]:
    """Of OCI (https://specs.opencontainers.org/image-spec/annotations/). The time is the commit's: built again, the same."""
    found = {"revision": run.commit, "source": source, "version": run.ref if run.kind == "tag" else ""}
    found["created"] = committed_at.isoformat() if committed_at else ""
    return {f"{OCI}.{name}": value for name, value in found.items() if value}


def build_order(
    run: Run,
    spec: Spec,
    recipe: Recipe,
    tag: str,
    timeout: float,
    secrets: Mapping[str, Secret] = NOTHING,
    before: str = "",
    origin: Mapping[str, str] = UNKNOWN,
) -> BuildOrder:
    """`before`: the image of an earlier run, empty: none. Raises `StageFailed` for a secret that nobody has."""
    return BuildOrder(
        run=run.id,
        service=run.service,
        context=recipe.context,
        dockerfile=recipe.dockerfile,
        target=spec.build.target,
        args=spec.build.args,
        tag=tag,
        labels={**labels_of(run), **origin},
        timeout=timeout,
        text=recipe.text,
        secrets=_build_secrets(run, spec, secrets),
        platform=spec.build.platform,
        cache=spec.build.cache,
        cache_from=before if spec.build.cache else "",
    )


def _build_secrets(run: Run, spec: Spec, secrets: Mapping[str, Secret]) -> dict[str, Secret]:
    for name in spec.build.secrets:
        if name not in secrets:
            raise StageFailed(
                f"build.secrets names {name}, which {run.service} has no secret of in {run.environment}. Add it to "
                f"services.{run.service}.environments.{run.environment}.secrets in shipway.yml, or take it out here."
            )
    return {name: secrets[name] for name in spec.build.secrets}


def image_before(earlier: Sequence[Run]) -> str:
    """The newest that was published, of runs with the newest first."""
    return next((run.image for run in earlier if run.image), "")


@dataclass(frozen=True)
class TestPlan:
    """`target`: a stage to build for the tests; empty: they run in the image itself. `skipped` says why there are none."""

    target: str = ""
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    skipped: str = ""


def plan_tests(spec: Spec, dockerfile: str) -> TestPlan:
    given = {"": spec.test.command, **spec.test.commands}
    commands = {name: words(command) for name, command in given.items() if command}
    if commands:
        return TestPlan(spec.test.target, commands)
    target = spec.test.target or (TEST_STAGE if has_stage(dockerfile, TEST_STAGE) else "")
    if not target:
        return TestPlan(
            skipped="There is nothing to test: .shipway.yml has no test.command, and the Dockerfile no stage named test."
        )
    return TestPlan(target, {"": ()} if runs_something(dockerfile, target) else {})


def build_of_tests(build: BuildOrder, plan: TestPlan) -> BuildOrder:
    return replace(build, target=plan.target, tag=f"{build.tag}-test")


def order_of_tests(
    run: Run, spec: Spec, plan: TestPlan, image: str, secrets: Mapping[str, Secret] = NOTHING
) -> TestOrder:
    return TestOrder(
        run=run.id,
        image=image,
        commands=plan.commands,
        env={"CI": "true", **spec.test.env},
        services=spec.test.services,
        timeout=spec.test.timeout,
        reports=spec.test.reports,
        memory=TEST_MEMORY,
        cpus=TEST_CPUS,
        pids=TEST_PIDS,
        labels=labels_of(run),
        coverage=spec.test.coverage,
        artifacts=spec.test.artifacts,
        secrets=secrets,
    )


def tests_again(order: TestOrder, outcome: TestOutcome) -> TestOrder:
    """The next attempt: only what was red."""
    red = {command.name: order.commands[command.name] for command in outcome.failed}
    return replace(order, commands=red, attempt=order.attempt + 1)


def failure_of(spec: Spec, outcome: TestOutcome) -> str:
    """The sentence for a red test, empty for a green one."""
    if not outcome.failed:
        return ""
    red = "; ".join(_ending(spec, command) for command in outcome.failed)
    cases = [case for command in outcome.failed for case in command.cases]
    which = f" First failing: {named(cases)}." if cases else ""
    return f"The tests failed: {red}.{which} The log has their output."


def _ending(spec: Spec, command: CommandResult) -> str:
    text = spec.test.commands.get(command.name, spec.test.command)
    what = f"{command.name} `{text}`".strip() if text else "the test image"
    counts = f" ({command.totals})" if command.totals else ""
    killed = ", killed: out of memory, or by a signal" if command.exit_code == 137 else ""
    tried = f", at attempt {command.attempts} too" if command.attempts > 1 else ""
    return f"{what} ended with exit code {command.exit_code}{counts}{killed}{tried}"


def words(command: str) -> tuple[str, ...]:
    """A command that uses the shell gets one (the container's own); a plain one does not need it."""
    return ("/bin/sh", "-c", command) if SHELL.search(command) else tuple(shlex.split(command))


def trusted(run: Run) -> bool:
    """Whether its code may see secrets: those of a fork are of anybody."""
    return not run.fork


def runtime_of(spec: Spec, environment: Environment, facts: ImageFacts) -> RuntimeSpec:
    """The operator's environment variables win over the repository's, secrets over both."""
    run = spec.run
    env = {**run.env, **environment.env}
    return RuntimeSpec(
        port=run.port or (facts.ports[0] if len(facts.ports) == 1 else DEFAULT_PORT),
        command=tuple(shlex.split(run.command)),
        env={name: value for name, value in env.items() if name not in environment.secrets},
        secrets=environment.secrets,
        memory=run.memory,
        cpus=run.cpus,
        stop_timeout=DEFAULT_STOP_TIMEOUT if run.stop_timeout is None else run.stop_timeout,
        **{hook.value: words(getattr(run, hook)) for hook in Hook if getattr(run, hook)},
        health=_health(spec, environment, facts),
    )


def _health(spec: Spec, environment: Environment, facts: ImageFacts) -> HealthCheck:
    """Asked by the name that users ask for: frameworks refuse host names they do not know."""
    check = spec.health or HealthCheck(kind=HealthKind.IMAGE if facts.healthcheck else HealthKind.TCP)
    return replace(check, host=environment.domain)


def facts_detail(facts: ImageFacts) -> dict[str, str]:
    """For the books: a run that is resumed after its push has no image to ask any more."""
    return {
        "healthcheck": "yes" if facts.healthcheck else "no",
        "ports": " ".join(str(port) for port in facts.ports),
    }


def facts_from(detail: Mapping[str, str]) -> ImageFacts:
    ports = tuple(int(port) for port in detail.get("ports", "").split())
    return ImageFacts(detail.get("healthcheck") == "yes", ports)


def kept_back(run: Run) -> str:
    """Why a run of a merge request ends after its tests."""
    return f"It is of {run.place}: those are built and tested, never published nor deployed."


def readable(repository: Repository, run: Run) -> Repository:
    """What is fetched of it with our token. The submodules of a fork are not: their addresses are whatever its author
    wrote, such as a neighbour's private repository."""
    return replace(repository, submodules=repository.submodules and not run.fork)


def reason_of(run: Run) -> Reason:
    return Reason.MANUAL if run.asked_for else Reason.PUSH


def asked_for(run: Run) -> bool:
    """By a person or a schedule, whatever changed: it is built anew."""
    return run.asked_for or run.requested_by == SCHEDULE


def pauses() -> Iterator[float]:
    """Between attempts at something that did not answer."""
    yield from PAUSES
    while True:
        yield PAUSES[-1]
