"""From a commit to a pushed digest on a real engine and a real registry, and nothing left behind."""

import json

import docker
import pytest

from pipeline.delivery.run import NewRun, StageName
from tests.parts.laboratory import Laboratory
from tests.parts.works import Works

pytestmark = pytest.mark.live


def test_commit_becomes_a_digest_in_the_registry(works: Works) -> None:
    run = works.push("FROM BUSYBOX\nEXPOSE 9000\nCOPY VERSION /v\nCMD sleep 99\n").go()

    assert run.release, (run.error, works.log)
    release = works.store.releases.release(works.service, run.release)
    assert "@sha256:" in release.image
    assert release.spec.port == 9000
    inspected = works.engine.inspect_distribution(release.image)
    assert inspected["Descriptor"]["digest"] == release.digest
    assert works.woken == [run.deployment]
    assert works.left() == []


def test_merge_request_is_built_and_tested_from_its_ref_and_nothing_is_pushed(works: Works) -> None:
    text = f"FROM {works.busybox}\nENV E4={works.service}\nCOPY VERSION /v\n"
    spec = "test: {command: 'grep -q merged /v'}\n"
    commit = works.repository.commit("merged", **{"Dockerfile": text, ".shipway.yml": spec})
    works.repository.git("push", "-q", "origin", "HEAD:refs/merge-requests/1/head")
    asked = NewRun(
        works.service, "", "merge_request", "refs/merge-requests/1/head", commit, "push:ada", merge_request=1
    )
    works.run_id = works.store.runs.add(asked).id

    run = works.go()

    assert [stage.status for stage in run.stages] == [*["succeeded"] * 3, "skipped", "skipped"], works.log
    assert (run.status, run.release, run.deployment, works.woken) == ("succeeded", None, None, [])
    pushed = f"{works.ports.settings.registry.address}/e4/{works.service}:run-{run.id}"
    with pytest.raises(docker.errors.APIError):
        works.engine.inspect_distribution(pushed)


def test_tree_that_was_built_before_is_not_built_again(works: Works) -> None:
    first = works.push("FROM BUSYBOX\nCOPY VERSION /v\n").go()
    works.store.runs.finish(first.id, "succeeded", "", None)
    works.run_id = works.store.runs.add(
        NewRun(works.service, "production", "branch", "main", first.commit, "push:ada")
    ).id

    second = works.go()

    releases = [works.store.releases.release(works.service, run.release or 0) for run in (first, second)]
    assert releases[0].image == releases[1].image
    assert [stage.status.value for stage in second.stages[1:4]] == ["skipped"] * 3, works.log
    assert works.left() == []


def test_image_carries_where_it_comes_from(works: Works) -> None:
    run = works.push("FROM BUSYBOX\nCOPY VERSION /v\n").go()

    image = works.engine.inspect_image(
        f"{works.ports.settings.registry.address}/e4/{works.service}:run-{run.id}"
    )
    labels = image["Config"]["Labels"]
    assert (labels["shipway.commit"], labels["shipway.run"]) == (run.commit, str(run.id))
    assert (labels["shipway.ref"], labels["shipway.service"]) == ("main", works.service)


@pytest.mark.parametrize(
    ("dockerfile", "stage", "sentence"),
    [
        ("FROM BUSYBOX\nRUN echo before; exit 3\n", "build", "exit code 3"),
        ("FROM BUSYBOX\nCOPY nothing-there /x\n", "build", "nothing-there"),
        ("NONSENSE\n", "build", "NONSENSE"),
        ("", "build", "empty"),
        ("FROM REGISTRY/e4/never-made:1\n", "build", "never-made"),
    ],
)
def test_wrong_dockerfile_fails_the_build_with_a_sentence(
    works: Works, lab: Laboratory, dockerfile: str, stage: str, sentence: str
) -> None:
    run = works.push(dockerfile.replace("REGISTRY", lab.registry)).go()

    assert run.status == "failed"
    assert sentence in run.error, run.error
    assert [s.name for s in run.stages if s.status == "failed"] == [stage]
    assert works.left() == []


def test_missing_dockerfile_fails_the_checkout_with_a_sentence(works: Works) -> None:
    (works.repository.tree / "Dockerfile").unlink()
    commit = works.repository.commit("1")
    works.repository.push()
    works.run_id = works.store.runs.add(NewRun(works.service, "production", "branch", "main", commit, "x")).id

    run = works.go()

    assert run.error.startswith("There is no Dockerfile in this commit.")
    assert works.left() == []


def test_red_tests_say_how_many(works: Works) -> None:
    report = "<testsuite><testcase/><testcase><failure/></testcase></testsuite>"
    spec = json.dumps(
        {"test": {"command": f"mkdir -p /r && echo '{report}' > /r/a.xml; exit 1", "reports": "/r/*.xml"}}
    )

    run = works.push("FROM BUSYBOX\nCOPY VERSION /v\n", **{".shipway.yml": spec}).go()

    assert "exit code 1 (1 passed, 1 failed)" in run.error
    assert works.left() == []


def test_services_beside_the_tests_are_waited_for_and_reached_by_name(works: Works) -> None:
    """The service needs a second before it listens."""
    web = works.push("FROM BUSYBOX\nEXPOSE 80\nCMD sleep 1; exec httpd -f -p 80\n").go()
    image = works.store.releases.release(works.service, web.release or 0).image
    tests = {"command": "nc -w 2 web 80 </dev/null && echo reached", "services": {"web": {"image": image}}}

    run = works.push("FROM BUSYBOX\nCOPY VERSION /v\n", **{".shipway.yml": json.dumps({"test": tests})}).go()

    assert run.stage(StageName.TEST).status == "succeeded", works.log
    assert "\nreached" in works.log
    assert works.left() == []


def test_service_that_dies_before_the_tests_is_the_reason(works: Works) -> None:
    web = works.push("FROM BUSYBOX\nEXPOSE 80\nCMD echo no licence; exit 9\n").go()
    image = works.store.releases.release(works.service, web.release or 0).image
    tests = {"command": "true", "services": {"web": {"image": image}}}

    run = works.push("FROM BUSYBOX\nCOPY VERSION /v\n", **{".shipway.yml": json.dumps({"test": tests})}).go()

    assert "web beside the tests ended with exit code 9" in run.error
    assert "no licence" in works.log
    assert works.left() == []


def test_stage_named_test_is_the_test(works: Works) -> None:
    text = "FROM BUSYBOX AS app\nCOPY VERSION /v\nFROM app AS test\nRUN echo linted\nCMD echo checked; exit 4\nFROM app\n"

    run = works.push(text).go()

    assert "exit code 4" in run.error
    assert "linted" in works.log
    assert "checked" in works.log
    assert works.left() == []


def test_syntax_line_builds_where_no_public_registry_is_reached(works: Works) -> None:
    run = works.push("# syntax=docker/dockerfile:1\nFROM BUSYBOX\nCOPY VERSION /v\n").go()

    assert run.release, works.log
