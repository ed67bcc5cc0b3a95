"""What the books say is needed: the live, the previous, what is under way, and the last few good ones."""

from dataclasses import replace

from pipeline.retention.need import images_needed, released
from pipeline.rollout.policy import Policy
from pipeline.rollout.rollback import deploy_release, rollback
from tests.rollout.stage import POLICY, PRODUCTION, SHOP, Stage


def needed(stage: Stage) -> dict[int, str]:
    images = images_needed(SHOP, stage.ports)
    return {int(image.partition("sha256:")[2]): why for image, why in images.items()}


def lived(policy: Policy, releases: int) -> Stage:
    """So many releases were live, one after the other."""
    stage = Stage(hosts=1, policy=policy)
    for _ in range(releases):
        stage.live()
    return stage


def test_the_last_few_good_releases_are_needed_and_no_more() -> None:
    stage = lived(replace(POLICY, keep=3), 6)

    assert needed(stage) == {
        6: "live on production",
        5: "what a rollback of production goes back to",
        4: "among the 3 that production keeps",
    }


def test_the_release_before_the_live_one_is_needed_also_when_only_one_is_kept() -> None:
    stage = lived(replace(POLICY, keep=1), 3)

    assert set(needed(stage)) == {3, 2}


def test_after_going_back_the_next_one_further_back_is_needed() -> None:
    stage = lived(replace(POLICY, keep=2), 4)
    deployment = rollback(SHOP, PRODUCTION, None, "ann", stage.ports)
    stage.run(deployment)

    assert needed(stage)[2] == "what a rollback of production goes back to"


def test_a_deployment_that_only_waits_its_turn_needs_its_image() -> None:
    stage = lived(replace(POLICY, keep=1), 5)
    number = deploy_release(SHOP, PRODUCTION, 1, None, "ann", stage.ports)

    assert needed(stage)[1] == f"deployment {number} brings it"


def test_every_release_is_found_by_its_image_with_the_number_of_newer_ones() -> None:
    stage = lived(POLICY, 3)

    made = released([SHOP], stage.ports)

    assert {digest: (m.number, m.rank) for digest, m in made.items()} == {
        "sha256:1": (1, 2),
        "sha256:2": (2, 1),
        "sha256:3": (3, 0),
    }
