"""A private PostgreSQL for tests: its own folder, its own unix socket, no TCP, gone when the tests end."""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PR_SET_PDEATHSIG = 1
CANDIDATES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def binaries() -> Path:
    """Skips with the reason when there are none; in CI that is a failure."""
    found = next((folder for folder in CANDIDATES if (folder / "initdb").exists()), None)
    if found is None:
        reason = "PostgreSQL's server programs are missing: apt install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def running_cluster() -> Iterator[str]:
    """The address of its maintenance database; other databases differ in the last word before the `?`."""
    programs = binaries()
    home = Path(tempfile.mkdtemp(prefix="shipway-pg-"))
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(home, owner.pw_uid, owner.pw_gid)
    try:
        _run(programs / "initdb", "-D", home / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N")
        with _serving(programs, home):
            yield f"postgresql+psycopg://postgres@/postgres?host={home}"
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _serving(programs: Path, home: Path) -> Iterator[None]:
    """Our own child, not a daemon: it ends with the tests even when they are killed."""
    settings = ["listen_addresses=", f"unix_socket_directories={home}", "fsync=off"]
    words = [programs / "postgres", "-D", home / "data", *(word for one in settings for word in ("-c", one))]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            preexec_fn=_end_with_us,
            **_become(),
        )
        try:
            _await_answer(programs, home)
            yield
        finally:
            server.send_signal(signal.SIGQUIT)  # immediate shutdown
            server.wait(timeout=30)


def _await_answer(programs: Path, home: Path) -> None:
    for _ in range(300):
        asked = subprocess.run(
            [programs / "pg_isready", "-q", "-h", home, "-t", "5"], timeout=10, check=False
        )
        if asked.returncode == 0:
            return
        time.sleep(0.1)
    pytest.fail(f"PostgreSQL did not start:\n{(home / 'log').read_text()}")


def _run(*words: object) -> None:
    subprocess.run(
        [str(word) for word in words],
        check=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        cwd="/",
        **_become(),
    )


def _become() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


def _end_with_us() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT, 0, 0, 0)
