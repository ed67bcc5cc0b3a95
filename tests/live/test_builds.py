"""What a build may be given beside its folder: secrets, another platform, the cache of a builder elsewhere."""

import json
import time
from typing import Any

import pytest

from pipeline.delivery.run import NewRun, Run
from tests.live.conftest import BUILD_TOKEN
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
    again = NewRun(works.service, "production", "branch", "main", first.commit, "api:ada")
    works.run_id = works.store.runs.add(again).id

    run = works.go()

    assert run.release, works.log
    assert f"Pulling {image}." in works.log
    step = works.log.split(f"RUN echo {mark}", 1)[1]
    assert step.splitlines()[1].endswith("CACHED"), works.log
