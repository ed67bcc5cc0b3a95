"""The test stage on a real engine: what stands beside the tests, several commands, and what is read and kept of them."""

import json
import subprocess
import sys
import time
from typing import Any

import pytest

from pipeline.delivery.report import Case
from pipeline.delivery.run import Run, StageName
from tests.parts.laboratory import Laboratory
from tests.parts.works import Works

pytestmark = pytest.mark.live

IMAGE = "FROM BUSYBOX\nCOPY VERSION /v\n"
WEB = "sh -c 'echo warming up; sleep 1; touch /ready; exec httpd -f -p $PORT'"


def run_of(works: Works, **tests: Any) -> Run:
    return works.push(IMAGE, **{".shipway.yml": json.dumps({"test": tests})}).go()


def web(works: Works, **more: Any) -> dict[str, Any]:
    return {"web": {"image": works.busybox, "command": WEB, "env": {"PORT": "8080"}, **more}}


@pytest.mark.parametrize("health", ["test -e /ready", 8080])
def test_service_of_any_image_is_waited_for_by_a_command_or_a_port(works: Works, health: object) -> None:
    run = run_of(
        works, command="nc -w 2 web 8080 </dev/null && echo reached", services=web(works, health=health)
    )

    assert run.stage(StageName.TEST).status == "succeeded", works.log
    assert "\nreached" in works.log
    assert works.left() == []


@pytest.mark.parametrize(
    ("health", "says"), [("echo not yet; false", "is not healthy by"), (9090, "does not listen on 9090")]
)
def test_service_that_never_becomes_healthy_is_the_reason_with_its_last_lines(
    works: Works, health: object, says: str
) -> None:
    begun = time.monotonic()

    run = run_of(works, command="true", services=web(works, health=health, deadline="4s"))

    assert f"The container web beside the tests {says}" in run.error
    assert "Its last lines: warming up." in run.error
    assert "The check said: not yet." in run.error or health == 9090
    assert time.monotonic() - begun < 60
    assert works.left() == []


def test_every_command_runs_and_the_sentence_names_the_red_ones(works: Works) -> None:
    run = run_of(
        works,
        commands={"lint": "echo tidy; exit 3", "unit": "echo counted", "types": "sh -c 'exit 4'"},
    )

    assert (
        "lint `echo tidy; exit 3` ended with exit code 3; types `sh -c 'exit 4'` ended with exit code 4"
        in run.error
    )
    log = works.log
    assert log.index("── lint") < log.index("\ntidy") < log.index("── unit") < log.index("\ncounted")
    outcome = run.stage(StageName.TEST).tests
    assert outcome
    assert [(c.name, c.exit_code) for c in outcome.commands] == [("lint", 3), ("unit", 0), ("types", 4)]
    assert works.left() == []


def test_cases_coverage_and_artifacts_are_read_from_the_container(works: Works) -> None:
    report = '<testsuite><testcase name="sum"><failure message="1 != 2"/></testcase><testcase name="b"/></testsuite>'
    command = (
        f"mkdir -p /out/deep && echo '{report}' > /out/junit.xml && echo page > /out/deep/index.html"
        " && ln -s /etc/passwd /out/link && echo TOTAL 10 2 80% && exit 1"
    )

    run = run_of(works, command=command, reports="/out/*.xml", coverage=r"TOTAL.*?(\d+)%", artifacts=["/out"])

    outcome = run.stage(StageName.TEST).tests
    assert outcome
    assert outcome.cases == (Case("sum", "1 != 2"),)
    assert outcome.coverage == 80.0
    assert "First failing: sum (1 != 2)." in run.error
    kept = works.ports.artifacts.listed(run.id)
    assert [found.path for found in kept] == ["out/deep/index.html", "out/junit.xml"]
    assert b"".join(works.ports.artifacts.content(run.id, "out/deep/index.html")) == b"page\n"


def test_what_a_killed_worker_left_beside_the_tests_is_swept_by_its_labels(
    works: Works, lab: Laboratory
) -> None:
    works.push(IMAGE)
    labels = {"shipway.service": works.service}
    code = (
        "import sys; from pipeline.delivery.orders import TestOrder; from pipeline.settings import BuilderSettings;"
        "from pipeline.delivery.report import ServiceContainer; from runners.builder import EngineBuilder;"
        f"web = ServiceContainer({works.busybox!r}, command='sleep 600');"
        f"order = TestOrder({works.run_id}, {works.busybox!r}, {{'': ('sleep', '600')}}, {{}}, {{'web': web}}, 600.0, '',"
        f"1 << 28, 1.0, 64, {labels!r});"
        f"EngineBuilder(BuilderSettings({lab.builder!r})).test(order, print, lambda: False)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL) as worker:
        until = time.monotonic() + 30
        while len(works.left()) < 3:
            assert time.monotonic() < until, works.left()
            time.sleep(0.05)
        worker.kill()
    assert len(works.left()) == 3  # the tests, the container beside them, their network

    works.ports.builder.clean(works.run_id, works.service)

    assert works.left() == []
