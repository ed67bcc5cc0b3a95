"""What a run may do to the machine, the log and its secrets, on a real engine."""

import json
import time
from pathlib import Path

import pytest

from pipeline.delivery.run import StageName
from tests.parts.works import HANG, Works, eventually_nothing

pytestmark = pytest.mark.live


def test_fork_bomb_is_bounded_and_ends_with_its_time(works: Works) -> None:
    bomb = f"f() {{ f & f & {HANG}; }}; f"
    spec = json.dumps({"test": {"command": bomb, "timeout": "4s"}})
    begun = time.monotonic()

    run = works.push("FROM BUSYBOX\nCOPY VERSION /v\n", **{".shipway.yml": spec}).go()

    assert run.stage(StageName.TEST).status == "failed"  # by its time, or because its shell gave up first
    assert time.monotonic() - begun < 60  # 512 processes are slow to end on a busy machine
    eventually_nothing(works)


def test_two_hundred_megabytes_of_output_stay_bounded(works: Works) -> None:
    spec = json.dumps(
        {
            "test": {
                "command": "yes 0123456789012345678901234567890123456789 | head -c 200000000; echo the end"
            }
        }
    )

    run = works.push("FROM BUSYBOX\nCOPY VERSION /v\n", **{".shipway.yml": spec}).go()

    assert run.release, run.error
    assert 1 << 20 < len(works.log) < 25 << 20
    assert "MB were cut here" in works.log
    assert "the end\n" in works.log
    kept = Path(works.ports.settings.server.data, "logs")
    assert sum(file.stat().st_size for file in kept.rglob("*.log*")) < 5 << 20


def test_a_build_that_prints_without_end_stays_bounded(works: Works) -> None:
    run = works.push(
        "FROM BUSYBOX\nRUN yes 01234567890123456789012345678901234567890123456789 | head -c 60000000; exit 3\n"
    ).go()

    assert "exit code 3" in run.error
    assert len(works.log) < 25 << 20
    assert works.left() == []


def test_secret_that_a_build_or_a_test_prints_is_hidden(works: Works) -> None:
    works.ports.logs.hide(["tr0ub4dor-and-3"])
    spec = json.dumps({"test": {"command": "printf tr0ub4dor; sleep 0.2; echo -and-3"}})

    works.push("FROM BUSYBOX\nRUN echo tr0ub4dor-and-3 $(date +%N)\n", **{".shipway.yml": spec}).go()

    assert "tr0ub4dor" not in works.log.replace("RUN echo", "")
    assert works.log.count("***") >= 2


def test_tests_have_no_power_over_the_engine_or_the_machine(works: Works) -> None:
    command = (
        "set -e; ! test -e /var/run/docker.sock; ! mknod /tmp/x b 1 1; grep -q 'NoNewPrivs:.*1' /proc/self/status;"
        " ! mount -t tmpfs x /mnt; echo all good"
    )

    run = works.push(
        "FROM BUSYBOX\nRUN mkdir -p /tmp /mnt\n",
        **{".shipway.yml": json.dumps({"test": {"command": command}})},
    ).go()

    assert run.release, works.log
    assert "all good" in works.log


@pytest.mark.parametrize("path", ["link", "dir/link"])
def test_nothing_outside_the_tree_gets_into_the_image(works: Works, path: str) -> None:
    link = works.repository.tree / path
    link.parent.mkdir(exist_ok=True)
    link.symlink_to("/etc/hostname")
    outside = Path("/etc/hostname").read_text().strip()

    run = works.push(f"FROM BUSYBOX\nCOPY . /ctx\nRUN readlink /ctx/{path} && cat /ctx/{path}; true\n").go()

    assert run.release, works.log
    assert outside not in works.log.splitlines()
