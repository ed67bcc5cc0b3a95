"""What a build may be given beside its folder: secrets, another platform, the cache of a builder elsewhere; what its image
tells, and whether it is scanned."""

import io
import json
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.delivery.findings import REPORT, ScanPolicy
from pipeline.delivery.run import NewRun, Run, StageName
from tests.live.conftest import BUILD_TOKEN
from tests.parts import trivy
from tests.parts.laboratory import Laboratory
from tests.parts.works import Works

pytestmark = pytest.mark.live

WITH = pytest.mark.parametrize("works", ["buildkit"], indirect=True)
WITHOUT = pytest.mark.parametrize("works", ["classic"], indirect=True)
MOUNT = "RUN --mount=type=secret,id=NPM_TOKEN,required=true"


def built(works: Works, dockerfile: str, **build: Any) -> Run:
    return works.push(dockerfile, **{".shipway.yml": json.dumps({"build": build})}).go()


@WITH
def test_step_sees_the_secret_and_neither_image_nor_log_does(works: Works) -> None:
    works.ports.logs.hide([BUILD_TOKEN])

    run = built(works, f"FROM BUSYBOX\n{MOUNT} cat /run/secrets/NPM_TOKEN\n", secrets=["NPM_TOKEN"])

    assert run.release, works.log
    assert "***" in works.log
    assert BUILD_TOKEN not in works.log
    release = works.store.releases.release(works.service, run.release)
    image = works.engine.get_image(f"{release.image.partition('@')[0]}:run-{run.id}")
    assert BUILD_TOKEN.encode() not in b"".join(image)
    assert works.left() == []


@WITH
def test_secret_that_is_not_named_is_not_there(works: Works) -> None:
    run = built(works, f"FROM BUSYBOX\n{MOUNT} true\n")

    assert "which build.secrets of .shipway.yml does not name" in run.error


def test_secret_that_the_operator_has_not_is_said_before_the_build(works: Works) -> None:
    run = built(works, "FROM BUSYBOX\n", secrets=["PYPI_TOKEN"])

    assert (
        f"build.secrets names PYPI_TOKEN, which {works.service} has no secret of in production" in run.error
    )


@WITHOUT
def test_builder_without_buildkit_says_so(works: Works) -> None:
    run = built(works, "FROM BUSYBOX\n", secrets=["NPM_TOKEN"])

    assert "build.secrets of .shipway.yml need BuildKit" in run.error
    assert works.left() == []


@WITH
def test_image_for_another_platform(works: Works) -> None:
    run = works.push(
        "FROM scratch\nCOPY VERSION /v\n", **{".shipway.yml": "build: {platform: linux/arm64}"}
    ).go()

    assert run.release, works.log
    image = works.store.releases.release(works.service, run.release).image.partition("@")[0]
    assert works.engine.inspect_image(f"{image}:run-{run.id}")["Architecture"] == "arm64"


@WITH
def test_cache_comes_back_from_the_registry_when_the_builder_has_none(works: Works) -> None:
    mark = time.time_ns()
    text = f"FROM BUSYBOX\nRUN echo {mark}\nCOPY VERSION /v\n"
    first = built(works, text, cache=True)
    works.store.runs.finish(first.id, "succeeded", "", None)
    image = works.store.releases.release(works.service, first.release or 0).image
    works.engine.remove_image(f"{image.partition('@')[0]}:run-{first.id}", force=True)
    works.ports.builder.drop_cache()
    anew = NewRun(works.service, "production", "branch", "main", first.commit, "api:ada")
    works.run_id = works.store.runs.add(anew).id

    run = works.go()

    assert run.release, works.log
    assert f"Pulling {image}." in works.log
    step = works.log.split(f"RUN echo {mark}", 1)[1]
    assert step.splitlines()[1].endswith("CACHED"), works.log


def base_in_registry(works: Works, lab: Laboratory, content: str) -> str:
    """A base under a name that is moved each time; on the builder the name goes on meaning what it meant."""
    name, engine = f"{lab.registry}/e4/base-{works.service}", works.engine
    before = [image["Id"] for image in engine.images(name=f"{name}:1")]
    text = f"FROM {works.busybox}\nLABEL shipway.service={works.service}\nRUN echo {content} > /base\n"
    for _ in engine.build(fileobj=io.BytesIO(text.encode()), tag=f"{name}:1", rm=True, decode=True):
        continue
    pushed = engine.push(name, tag="1", stream=True, decode=True)
    digest = next(said["aux"]["Digest"] for said in pushed if "aux" in said)
    engine.remove_image(f"{name}:1")
    for image in before:
        engine.tag(image, name, "1")
    return str(digest)


def test_image_tells_commit_source_and_base(works: Works, lab: Laboratory) -> None:
    digest = base_in_registry(works, lab, "old")
    base = f"{lab.registry}/e4/base-{works.service}:1"

    run = works.push(f"FROM {base}\nCOPY VERSION /v\n").go()

    assert run.release, works.log
    release = works.store.releases.release(works.service, run.release)
    labels = works.engine.inspect_image(f"{release.image.partition('@')[0]}:run-{run.id}")["Config"]["Labels"]
    told = {key.partition("org.opencontainers.image.")[2]: value for key, value in labels.items()}
    assert (told["revision"], told["source"]) == (run.commit, str(works.repository.remote))
    assert (told["base.name"], told["base.digest"]) == (base, digest)
    assert datetime.fromisoformat(told["created"]).utcoffset() is not None
    assert run.stage(StageName.BUILD).detail["bases"] == f"{base}={digest}"


def test_same_tree_is_reused_until_its_base_moves(works: Works, lab: Laboratory) -> None:
    base_in_registry(works, lab, "old")
    text = f"FROM {lab.registry}/e4/base-{works.service}:1\nCOPY Dockerfile /d\n"
    first = works.push(text).go()
    same = again(works, first)
    moved = base_in_registry(works, lab, "new")
    renewed = again(works, first)

    assert same.stage(StageName.BUILD).status == "skipped"
    assert renewed.stage(StageName.BUILD).status == "succeeded", works.log
    assert renewed.stage(StageName.BUILD).detail["bases"].endswith(moved)
    assert "has moved since: it is built anew" in works.log


def again(works: Works, run: Run) -> Run:
    works.store.runs.finish(works.run_id, "succeeded", "", None)
    new = NewRun(works.service, "production", "branch", "main", run.commit, "push:ada")
    works.run_id = works.store.runs.add(new).id
    return works.go()


def test_scan_reads_the_image_of_a_real_engine(
    works: Works, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = ScanPolicy(trivy.install(tmp_path))
    works.ports = replace(
        works.ports,
        settings=replace(works.ports.settings, builder=replace(works.ports.settings.builder, scan=policy)),
    )
    monkeypatch.setenv("TRIVY_STAND_IN", json.dumps({"vulnerabilities": [trivy.vulnerability()]}))

    run = works.push("FROM BUSYBOX\nCOPY VERSION /v\n").go()

    assert "CVE-2026-0001 in openssl 3.0.1-1 (fixed in 3.0.2-1)" in run.error
    report = json.loads(b"".join(works.ports.artifacts.content(run.id, REPORT)))
    assert report["Metadata"]["RepoTags"][0].endswith(f":run-{run.id}")
    assert works.left() == []
