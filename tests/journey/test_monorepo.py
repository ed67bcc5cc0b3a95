"""A service in a folder is built when something of its own changed since what is live. Real git decides, over our mirror."""

import shutil

import pytest

from pipeline.delivery.run import NewRun, RunStatus, StageName
from pipeline.errors import StageFailed
from pipeline.rollout.deployment import Status
from runners.stand_ins.things import Quality

FILES = {"services/api/Dockerfile": "FROM x\n", "services/api/main.py": "1\n", "README.md": "1\n"}


@pytest.fixture
def mono(road):
    """The service lies in services/api; its first commit is live as release 1."""
    road.serve(path="services/api")
    road.first = road.commit(FILES)
    road.push(road.first)
    road.settle()
    assert road.deployed == [road.first]
    return road


def own(road, text="2\n", parent=""):
    return road.commit(FILES | {"services/api/main.py": text}, parent or road.first)


def others(road, text="2\n", parent="", **more):
    return road.commit(FILES | {"README.md": text} | more, parent or road.first)


def pushed(road, commit):
    """The run of this push, when all is over."""
    (number,) = road.push(commit).runs
    road.settle()
    return road.run(number)


def skipped(run):
    return {stage.name: stage.detail.get("skipped") for stage in run.stages if stage.status == "skipped"}


def test_change_elsewhere_ends_at_once_and_every_stage_says_why(mono):
    head = others(mono)

    run = pushed(mono, head)

    why = f"Nothing under services/api changed since release 1 ({mono.first[:12]}), which is live on production."
    assert (run.status, run.error, run.release, run.deployment) == (RunStatus.SUCCEEDED, "", None, None)
    assert run.stage(StageName.CHECKOUT).status == "succeeded"
    assert skipped(run) == dict.fromkeys(list(StageName)[1:], why)
    assert why in mono.said(run.id)
    assert mono.deployed == [mono.first]


def test_change_of_its_own_is_deployed(mono):
    head = own(mono)

    assert pushed(mono, head).status is RunStatus.SUCCEEDED
    assert mono.deployed == [mono.first, head]


def test_what_a_failed_build_left_undeployed_is_built_by_the_next_push_of_anything(mono):
    mono.builder.failing["build"] = [StageFailed("The build failed.")]
    broken = own(mono)
    failed = pushed(mono, broken)
    head = mono.commit(FILES | {"services/api/main.py": "2\n", "README.md": "2\n"}, broken)

    run = pushed(mono, head)

    assert (failed.status, run.status) == (RunStatus.FAILED, RunStatus.SUCCEEDED)
    assert mono.deployed == [mono.first, head]


def test_what_a_superseded_push_brought_is_built_by_the_one_that_took_its_place(mono):
    middle = own(mono)
    (early,) = mono.push(middle).runs

    head = mono.commit(FILES | {"services/api/main.py": "2\n", "README.md": "2\n"}, middle)
    run = pushed(mono, head)

    assert mono.run(early).status is RunStatus.SUPERSEDED
    assert run.status is RunStatus.SUCCEEDED
    assert mono.deployed == [mono.first, head]


def test_many_pushes_elsewhere_are_each_compared_with_what_is_live(mono):
    head = mono.first
    for text in "234":
        head = others(mono, f"{text}\n", head)
        assert pushed(mono, head).deployment is None

    assert mono.deployed == [mono.first]


def test_force_push_is_built_and_says_why(mono):
    head = mono.commit(FILES | {"README.md": "2\n"})

    run = pushed(mono, head)

    assert mono.deployed == [mono.first, head]
    assert f"Built whatever changed: {head[:12]} does not come after {mono.first[:12]}" in mono.said(run.id)


def test_new_mirror_compares_as_well_as_the_old_one(mono):
    shutil.rmtree(mono.origin.path.parents[1] / "data" / "git" / "mirrors")

    assert skipped(pushed(mono, others(mono)))


def test_first_push_has_nothing_to_be_compared_with(road):
    road.serve(path="services/api")
    run = pushed(road, road.commit(FILES))

    assert run.status is RunStatus.SUCCEEDED
    assert "Built whatever changed: nothing is live on production yet." in road.said(run.id)


def test_after_a_rollback_the_revert_of_the_bad_commit_needs_no_deployment(mono):
    mono.stage.world.qualities[2] = Quality.BAD_HEALTH
    bad = own(mono)
    assert pushed(mono, bad).status is RunStatus.FAILED
    assert mono.store.deployments.deployments()[0].status is Status.ROLLED_BACK

    run = pushed(mono, mono.commit(FILES, bad))

    assert "since release 1" in skipped(run)[StageName.DEPLOY]


def test_after_a_rollout_that_failed_and_left_the_hosts_as_they_were_anything_is_built(mono):
    for host in mono.stage.names:
        mono.stage.world.up[host] = False
    failed = pushed(mono, own(mono))
    for host in mono.stage.names:
        mono.stage.world.up[host] = True

    run = pushed(mono, others(mono))

    assert mono.store.deployments.deployment(failed.deployment).status is Status.FAILED
    assert run.deployment is not None
    assert f"deployment {failed.deployment}, the last one on production, failed." in mono.said(run.id)


def test_live_release_of_an_image_that_a_person_named_is_compared_with_nothing(mono):
    named = mono.stage.release()
    mono.stage.run(mono.stage.deploy(named))

    run = pushed(mono, others(mono))

    assert run.deployment is not None
    assert "nobody knows of which commit release 2 is, which is live." in mono.said(run.id)


@pytest.mark.parametrize("again", [False, True], ids=["started", "retried"])
def test_a_person_who_asks_gets_a_build(mono, again):
    head = others(mono)
    run = pushed(mono, head)
    new = NewRun("shop", "production", "branch", "main", head, "api:ada")

    asked = mono.store.runs.retry(run.id, "api:ada") if again else mono.store.runs.add(new)
    mono.settle()

    assert mono.run(asked.id).deployment is not None
    assert mono.deployed == [mono.first, head]


def test_paths_and_ignore_of_the_operator_count(mono):
    mono.serve(paths=("libs/",), ignore=("*.md",))
    head = others(mono, **{"services/api/notes.md": "2\n"})
    run = pushed(mono, head)
    assert "under services/api, libs/ outside *.md" in skipped(run)[StageName.BUILD]

    head = others(mono, parent=head, **{"libs/money.py": "1\n"})
    pushed(mono, head)

    assert mono.deployed == [mono.first, head]


def test_service_at_the_root_is_built_by_every_push(road):
    first = road.commit({"a": "1\n"})
    pushed(road, first)

    again = road.commit({"a": "1\n"}, first)
    pushed(road, again)

    assert road.deployed == [first, again]


# ------------------------------------------------------------------------------------------------ merge requests


def asked(road, commit):
    (number,) = road.ask(commit).runs
    road.settle()
    return road.run(number)


def test_merge_request_of_other_folders_is_not_built(mono):
    run = asked(mono, others(mono))

    assert run.status is RunStatus.SUCCEEDED
    why = f"Nothing under services/api changed in merge request 1, since it left main at {mono.first[:12]}."
    assert skipped(run) == dict.fromkeys(list(StageName)[1:], why)


def test_merge_request_is_compared_with_where_it_left_its_target(mono):
    mono.push(own(mono))
    mono.settle()

    behind, touching = asked(mono, others(mono)), asked(mono, own(mono, "3\n"))

    assert skipped(behind)[StageName.BUILD]
    assert touching.stage(StageName.BUILD).status == "succeeded"
    assert len(mono.deployed) == 2


def test_merge_request_into_a_branch_that_is_gone_is_built(mono):
    (number,) = mono.ask(others(mono), target_branch="gone").runs
    mono.settle()

    assert mono.run(number).stage(StageName.BUILD).status == "succeeded"
    assert "shares no commit with a branch 'gone'" in mono.said(number)
