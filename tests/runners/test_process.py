"""Dying with the parent, forks that end as programs do, signs of life, and being alone on a folder."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.errors import BadConfig, Conflict
from runners.process import GONE, Beat, Fork, Watch, hold_alone


def python(code: str, timeout: float = 30) -> subprocess.CompletedProcess[str]:
    """In a process of its own: what is tested must not happen to pytest."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=timeout, check=False
    )


def test_a_child_dies_with_its_parent_however_that_ends() -> None:
    code = """
import os, signal, time
from runners.process import Fork
parent = os.fork()
if parent == 0:
    child = Fork(lambda: time.sleep(60))
    print(child.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
os.waitpid(parent, 0)
"""
    child = int(python(code).stdout)

    deadline = time.monotonic() + 5
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{child}").exists()


def test_a_child_whose_parent_is_gone_already_ends_at_once() -> None:
    done = python("from runners.process import die_with_parent\ndie_with_parent(1 << 22)\nprint('alive')")

    assert (done.returncode, done.stdout) == (GONE, "")


@pytest.mark.parametrize(
    ("act", "code"),
    [
        ("lambda: 7", 7),
        ("lambda: sys.exit(3)", 3),
        ("lambda: 1 / 0", 1),
        ("lambda: os.kill(os.getpid(), 9)", -9),
    ],
)
def test_a_fork_ends_with_the_code_of_its_act(act: str, code: int) -> None:
    done = python(f"import os, sys\nfrom runners.process import Fork\nprint(Fork({act}).wait())")

    assert done.stdout == f"{code}\n"


def test_a_fork_never_goes_on_with_its_parents_code() -> None:
    done = python("from runners.process import Fork\nFork(lambda: 0).wait()\nprint('parent')")

    assert done.stdout == "parent\n"


def test_a_fork_obeys_sigterm_though_its_parent_blocks_it() -> None:
    code = """
import signal, time
from runners.process import Fork
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
child = Fork(lambda: time.sleep(60))
child.send_signal(signal.SIGTERM)
print(child.wait())
"""
    assert python(code).stdout == f"{-signal.SIGTERM}\n"


def test_a_fork_that_is_over_gets_no_signal_meant_for_it() -> None:
    child = Fork(lambda: 0)
    child.wait()

    child.send_signal(signal.SIGKILL)

    assert child.poll() == 0


def test_silence_is_the_time_since_the_last_sign(tmp_path: Path) -> None:
    beat = Beat(str(tmp_path / "beat"))
    watch = Watch(beat, now=0.0, grace=10.0)
    beat.touch()
    assert watch.silence(5.0) == 0.0
    assert watch.silence(9.0) == 4.0

    time.sleep(0.02)  # the file system's clock is coarse
    beat.touch()

    assert watch.silence(10.0) == 0.0


def test_the_first_sign_may_take_longer(tmp_path: Path) -> None:
    watch = Watch(Beat(str(tmp_path / "none")), now=100.0, grace=15.0)

    assert watch.silence(110.0) < 0
    assert watch.silence(131.0) == 16.0


def test_a_machine_whose_time_jumps_has_no_frozen_processes(tmp_path: Path) -> None:
    beat = Beat(str(tmp_path / "beat"))
    beat.touch()
    watch = Watch(beat, now=0.0, grace=0.0)
    watch.silence(0.0)
    os.utime(beat.path, (0, 0))  # as seen after a jump of 56 years

    assert watch.silence(1.0) == 0.0


def test_nothing_to_watch_is_never_touched() -> None:
    Beat().touch()

    assert Beat().last() is None


def test_only_one_holds_a_folder(tmp_path: Path) -> None:
    with hold_alone(tmp_path / "data"), pytest.raises(Conflict, match=f"process {os.getpid()}"):
        hold_alone(tmp_path / "data")


def test_a_folder_is_free_again_when_its_holder_is_gone(tmp_path: Path) -> None:
    hold_alone(tmp_path).close()

    hold_alone(tmp_path).close()


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(BadConfig, match="cannot be written"):
        hold_alone(tmp_path / "file" / "data")
