"""What people ask of an environment: go back, deploy this, run more. Always accepted at three in the morning."""

from dataclasses import replace

import pytest

from pipeline.errors import Conflict, NotFound, Refused
from pipeline.fleet.service import Environment, Service
from pipeline.rollout.deployment import Reason, Request, Status
from pipeline.rollout.preview import preview
from pipeline.rollout.rollback import deploy_release, rollback, scale
from pipeline.secret import Secret
from runners.stand_ins.things import Quality
from tests.rollout.stage import PRODUCTION, SHOP, Stage


@pytest.fixture
def stage() -> Stage:
    """Releases 1, 2 and 3 were live one after the other."""
    stage = Stage(hosts=2)
    stage.live()
    for _ in range(2):
        stage.run(stage.deploy(stage.release()))
    return stage


def asked(stage: Stage, number: int | None = None) -> int:
    return rollback(SHOP, PRODUCTION, number, "api:mia", stage.ports)


def test_going_back_brings_the_release_before_the_live_one(stage):
    deployment = stage.run(asked(stage))

    assert (deployment.status, deployment.release.number) == (Status.SUCCEEDED, 2)
    assert (deployment.reason, deployment.requested_by) == (Reason.ROLLBACK, "api:mia")
    assert deployment.previous.number == 3
    stage.check(deployment.id, deployment.release)


def test_going_back_twice_goes_two_steps(stage):
    stage.run(asked(stage))

    assert stage.run(asked(stage)).release.number == 1


def test_going_back_to_a_number_brings_that_one(stage):
    assert stage.run(asked(stage, 1)).release.number == 1


def test_going_back_needs_no_registry(stage):
    stage.world.registry_up = False

    assert stage.run(asked(stage)).status is Status.SUCCEEDED


def test_unknown_release_is_not_found(stage):
    with pytest.raises(NotFound):
        asked(stage, 99)


def test_nothing_to_go_back_to_says_why():
    stage = Stage(hosts=1)
    stage.live()

    with pytest.raises(Conflict, match="release 1 is live, and no earlier release has been good there"):
        asked(stage)


def test_going_back_during_a_rollout_aborts_it_and_comes_after_it(stage):
    bad = stage.deploy(stage.release())
    stage.driver(bad, lambda: stage.books.deployments.deployment(bad).record("web-1").done)

    number = asked(stage)
    aborted = stage.run(bad)
    deployment = stage.run(number)

    assert aborted.status is Status.ROLLED_BACK
    assert (deployment.status, deployment.release.number) == (Status.SUCCEEDED, 3)
    stage.check(number, deployment.release)


def test_going_back_while_it_goes_back_already_disturbs_nothing(stage):
    bad = stage.deploy(stage.release(Quality.BAD_BAKE))
    stage.driver(bad, lambda: stage.books.deployments.deployment(bad).status is Status.ROLLING_BACK)

    asked(stage, 3)

    assert stage.books.deployments.requested(bad) is Request.NONE
    assert stage.run(bad).status is Status.ROLLED_BACK


def test_release_is_deployed_by_its_number(stage):
    deployment = stage.run(deploy_release(SHOP, PRODUCTION, 1, None, "api:mia", stage.ports))

    assert (deployment.release.number, deployment.reason) == (1, Reason.MANUAL)


@pytest.mark.parametrize(
    ("image", "exact"),
    [
        ("r/shop:ci@sha256:beef", "r/shop@sha256:beef"),
        (
            "registry.example.com:5050/acme/other@sha256:beef",
            "registry.example.com:5050/acme/other@sha256:beef",
        ),
        ("docker.io/library/nginx:1.30@sha256:beef", "nginx@sha256:beef"),
        ("docker.io/acme/shop@sha256:beef", "acme/shop@sha256:beef"),
    ],
)
def test_foreign_image_runs_as_the_live_release_does(stage, image, exact):
    number = deploy_release(SHOP, PRODUCTION, None, image, "api:mia", stage.ports)

    deployment = stage.run(number)

    assert deployment.status is Status.SUCCEEDED
    assert deployment.release.image == exact
    assert deployment.release.number == 4
    assert deployment.release.spec == deployment.previous.spec


@pytest.mark.parametrize(("number", "image"), [(None, ""), (1, "r/shop@sha256:1"), (None, "r/shop:latest")])
def test_half_an_order_is_refused(stage, number, image):
    with pytest.raises(Refused):
        deploy_release(SHOP, PRODUCTION, number, image, "api:mia", stage.ports)


def test_release_of_another_environment_gets_this_ones_variables(stage):
    test = replace(stage.environment, name="test", env={"LOG": "debug", "ONLY_TEST": "1"})
    here = replace(stage.environment, env={"LOG": "info"}, secrets={"DB": Secret("prod")})
    ports = _with_environments(stage, here, test)
    spec = replace(stage.release().spec, env={"LOG": "debug", "ONLY_TEST": "1", "OWN": "x"})
    tried = stage.books.releases.add(replace(stage.release(), spec=spec, environment="test"))

    number = deploy_release(SHOP, PRODUCTION, tried.number, None, "api:mia", ports)

    release = stage.books.deployments.deployment(number).release
    assert release.number != tried.number
    assert release.image == tried.image
    assert release.spec.env == {"LOG": "info", "OWN": "x"}
    assert release.spec.secrets["DB"].reveal() == "prod"


def _with_environments(stage: Stage, *environments: Environment):
    service = stage.settings.services[SHOP]
    known = Service(SHOP, service.repository, environments={e.name: e for e in environments})
    return replace(stage.ports, settings=replace(stage.settings, services={SHOP: known}))


def test_scale_is_kept_for_later_deployments(stage):
    scaled = stage.run(scale(SHOP, PRODUCTION, 2, "api:mia", stage.ports))
    later = stage.run(stage.deploy(stage.release()))

    assert (scaled.status, scaled.reason) == (Status.SUCCEEDED, Reason.SCALE)
    assert later.replicas == 2
    stage.check(later.id, later.release)


@pytest.mark.parametrize("replicas", [0, -1, 101])
def test_scale_to_nonsense_is_refused(stage, replicas):
    with pytest.raises(Refused, match="ask for 1 to 100"):
        scale(SHOP, PRODUCTION, replicas, "api:mia", stage.ports)


def test_scale_waits_for_what_is_under_way(stage):
    number = stage.deploy(stage.release())
    stage.driver(number, lambda: stage.books.deployments.deployment(number).status is Status.ROLLING)

    with pytest.raises(Conflict, match=f"Deployment {number} is at work"):
        scale(SHOP, PRODUCTION, 2, "api:mia", stage.ports)


def test_scale_of_nothing_is_refused():
    with pytest.raises(Conflict, match="Nothing is live"):
        scale(SHOP, PRODUCTION, 2, "api:mia", Stage(hosts=1).ports)


def test_plan_names_exactly_what_is_done_afterwards(stage):
    fresh = stage.release()
    steps = preview(SHOP, PRODUCTION, None, stage.ports)
    stage.world.deeds.clear()

    stage.run(stage.deploy(fresh))

    kinds = {
        "ask": "check",
        "pull": "pull",
        "start": "start",
        "route": "switch",
        "let": "keep",
        "stop": "retire",
    }
    planned = [f"{kinds[s.what.split()[0]]} on {s.host}" for s in steps if s.what.split()[0] in kinds]
    done = [f"{deed.split()[0]} on {deed.split()[-1]}" for deed in stage.world.deeds]
    assert sorted(planned) == sorted(deed for deed in done if not deed.startswith("prune"))
    assert steps[-1].what == "it ends succeeded"


def test_plan_changes_nothing(stage):
    stage.release()
    stage.world.deeds.clear()
    before = stage.books.deployments.deployments()

    preview(SHOP, PRODUCTION, None, stage.ports)

    assert stage.world.deeds == []
    assert stage.books.deployments.deployments() == before


def test_plan_shows_a_preflight_that_would_fail(stage):
    stage.world.skew["web-2"] = 90.0

    steps = preview(SHOP, PRODUCTION, 1, stage.ports)

    assert steps[-1].what == "it ends failed"
    assert "clock" in steps[-1].why
