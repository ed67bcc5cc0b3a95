"""Checkout over real git when a disk, a process or many runs at once are in the way."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.fleet.service import Repository
from runners.source import GitSource
from tests.runners.source_trees.ground import check_out, never, pushed


@pytest.mark.parametrize("damage", ["objects", "HEAD", "config", "everything"])
def test_broken_mirror_is_built_anew(source, origin, damage):
    first = pushed(origin)
    check_out(source, origin, first)
    (mirror,) = source._root.glob("mirrors/*.git")
    broken = {
        "objects": [p for p in mirror.glob("objects/??/*")] + list(mirror.glob("objects/pack/*")),
        "HEAD": [mirror / "HEAD"],
        "config": [mirror / "config"],
        "everything": [p for p in mirror.rglob("*") if p.is_file()],
    }[damage]
    for path in broken:
        path.chmod(0o644)
        path.write_bytes(b"garbage")

    assert (check_out(source, origin, first, run_id=8) / "Dockerfile").read_text() == "FROM x\n"


def test_many_runs_of_one_repository_at_once_each_get_their_commit(source, origin):
    commits = [pushed(origin, {"Dockerfile": f"FROM x{n}\n"}, f"b{n}") for n in range(8)]
    texts: dict[int, str] = {}

    def run(number):
        mine = GitSource(str(source._root.parent), os.environ)
        folder = mine.checkout(
            Repository(origin.url), commits[number], f"b{number}", number, lambda _: None, never
        )
        texts[number] = Path(folder, "Dockerfile").read_text()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert texts == {n: f"FROM x{n}\n" for n in range(8)}


def test_what_git_needs_is_made_by_many_threads_at_once(tmp_path):
    """Fifty races for the same two files."""
    for number in range(50):
        sources = [GitSource(str(tmp_path / str(number)), os.environ) for _ in range(8)]
        with ThreadPoolExecutor(8) as threads:
            scripts = list(threads.map(lambda mine: mine._git.environ()["GIT_ASKPASS"], sources))

        assert len(set(scripts)) == 1


def test_git_ends_with_the_worker_that_started_it(tmp_path):
    """A forge that never answers, and a worker that is killed while it waits."""
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 1000\n")
    fake.chmod(0o755)
    code = (
        "import os; from runners.source import GitSource; from pipeline.fleet.service import Repository;"
        f"GitSource({str(tmp_path)!r}, {{'PATH': {str(fake.parent)!r} + ':' + os.environ['PATH']}})"
        ".resolve(Repository('https://x'), 'main')"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as worker:
        until = time.monotonic() + 20
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
            assert time.monotonic() < until
            time.sleep(0.02)
        git = int((tmp_path / "pid").read_text())
        worker.send_signal(signal.SIGKILL)
        worker.wait()

    until = time.monotonic() + 5
    while alive(git):
        assert time.monotonic() < until
        time.sleep(0.02)


def alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
