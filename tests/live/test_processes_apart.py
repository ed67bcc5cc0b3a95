"""The parts started one by one, as on several machines, and a configuration that is read again."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.test_processes import workshop as workshop
from tests.parts.house import SHIPWAY, free_port
from tests.parts.workshop import Workshop, alive, within

pytestmark = pytest.mark.live


@pytest.fixture
def redis_port(tmp_path: Path) -> Iterator[int]:
    port = free_port()
    (tmp_path / "redis").mkdir()
    process = subprocess.Popen(
        [
            "redis-server",
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(tmp_path / "redis"),
            "--save",
            "",
        ],
        stdout=subprocess.DEVNULL,
    )
    yield port
    process.kill()
    process.wait(5)


def started(workshop: Workshop, *words: str) -> subprocess.Popen[bytes]:
    with (workshop.folder / "up.log").open("ab") as log:
        return subprocess.Popen(
            [str(SHIPWAY), "--config", str(workshop.file), *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=workshop.folder,
        )


@pytest.mark.parametrize("words", [("serve",), ("work",), ("schedule",)])
def test_a_part_alone_asks_for_a_redis_that_all_share(words: tuple[str, ...], workshop: Workshop) -> None:
    workshop.write()

    done = subprocess.run(
        [str(SHIPWAY), "--config", str(workshop.file), *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 3
    assert "server.redis is empty: only `shipway up` brings a Redis of its own." in done.stderr


def test_parts_that_were_started_one_by_one_work_together(workshop: Workshop, redis_port: int) -> None:
    workshop.config["server"]["redis"] = f"redis://127.0.0.1:{redis_port}/0"
    workshop.write()
    parts = [
        started(workshop, "serve"),
        started(workshop, "work", "--queue", "all", "--concurrency", "2"),
        started(workshop, "schedule"),
    ]
    workshop.process = parts[0]
    try:
        workshop.until("all is ready", workshop._ready, 60, workshop.log)
        workshop.token = workshop.shipway("token", "create", "--role", "admin", "test").strip()
        run = workshop.started_run()
        assert workshop.attempt(run) == 1
        workers = [
            pid for pid in workshop.everybody() if b"work" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

        for part in parts:
            part.terminate()

        assert [part.wait(12) for part in parts] == [0, 0, 0]
        assert within(2, lambda: not any(alive(pid) for pid in workers))
    finally:
        workshop.process = None
        for part in parts:
            part.kill()
            part.wait(5)


def test_sighup_reads_the_configuration_again_and_hands_work_over(workshop: Workshop) -> None:
    workshop.start()
    run = workshop.started_run()
    assert workshop.process
    workshop.config["services"]["second"] = workshop.config["services"][workshop.service] | {
        "environments": {"test": {"branches": ["test"], "hosts": ["web-1"]}}
    }
    workshop.write()

    os.kill(workshop.process.pid, signal.SIGHUP)

    workshop.until("the run goes on", lambda: workshop.attempt(run) == 2, 60, workshop.log)
    names = [service["name"] for service in json.loads(workshop.shipway("services", "--json"))["services"]]
    assert "second" in names


def test_sighup_with_a_broken_configuration_changes_nothing(workshop: Workshop) -> None:
    workshop.start()
    before = workshop.pid("crew")
    workshop.file.write_text("servers: {}\n")
    assert workshop.process

    os.kill(workshop.process.pid, signal.SIGHUP)

    workshop.until("it says so", lambda: "settings not reloaded" in workshop.log(), 30, workshop.log)
    assert workshop.pid("crew") == before
    assert alive(before)
