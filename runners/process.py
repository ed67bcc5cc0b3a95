"""What our processes need from the kernel: to die with their parent, to give signs of life, and to be alone.

Stdlib only: the supervisor imports this and stays small. Never starts anything by itself.
"""

import ctypes
import fcntl
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

from pipeline.errors import BadConfig, Conflict

PR_SET_PDEATHSIG = 1
GONE = 137  # what a shell would say of a process that got SIGKILL

_LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int) -> None:
    """From now on the kernel kills this process when `parent` (its pid) ends, however it ends.

    The signal is asked for first and the parent looked at second: one that died in between is noticed too.
    """
    if _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        os._exit(GONE)


def dying_with(parent: int) -> Callable[[], None]:
    """For `Popen(preexec_fn=…)` in a process without threads."""

    def prepare() -> None:
        die_with_parent(parent)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    return prepare


class Fork:
    """A child that is a copy of us and does one thing; used like a `subprocess.Popen`. Only where there are no threads."""

    def __init__(self, act: Callable[[], int]) -> None:
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        self._code: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            _begin(parent)
            _finish(act)

    @classmethod
    def adopted(cls, pid: int) -> "Fork":
        """One that we made before we became another program."""
        made = cls.__new__(cls)
        made.pid, made._code = pid, None
        return made

    def poll(self) -> int | None:
        return self._reap(os.WNOHANG)

    def wait(self) -> int:
        code = self._reap(0)
        return GONE if code is None else code

    def send_signal(self, number: int, /) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def _reap(self, options: int) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self.pid, options)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code


def _begin(parent: int) -> None:
    """As a new program would: own session, default signals, nothing on stdin."""
    die_with_parent(parent)
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _finish(act: Callable[[], int]) -> NoReturn:
    """A child must never return into the code of its parent, whatever happens."""
    code = 1
    try:
        code = act()
    except SystemExit as asked:
        code = asked.code if isinstance(asked.code, int) else 1
    finally:
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


@dataclass(frozen=True)
class Beat:
    """Signs of life through a file's time. An empty path is never written."""

    path: str = ""

    def touch(self) -> None:
        if self.path:
            with open(self.path, "ab"):  # noqa: PTH123 (half the cost of Path.open, and done every second)
                os.utime(self.path)

    def last(self) -> int | None:
        """A mark that changes with each sign; None before the first."""
        try:
            return Path(self.path).stat().st_mtime_ns if self.path else None
        except FileNotFoundError:
            return None

    def forget(self) -> None:
        if self.path:
            Path(self.path).unlink(missing_ok=True)


class Watch:
    """How long a beat has been silent, by a clock of the watcher's that never jumps: a machine whose time is corrected
    has no frozen processes. `grace`: how much longer the first sign may take."""

    def __init__(self, beat: Beat, now: float, grace: float) -> None:
        self._beat = beat
        self._seen: int | None = None
        self._changed_at = now + grace

    def silence(self, now: float) -> float:
        seen = self._beat.last()
        if seen != self._seen:
            self._seen, self._changed_at = seen, now
        return now - self._changed_at


def reap_orphans(known: Collection[int]) -> None:
    """As process 1 of a container we inherit whatever loses its parent; without this it would stay as a zombie."""
    while os.getpid() == 1:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid in known:
            return
        os.waitpid(ended.si_pid, 0)


def say(path: str, words: str) -> None:
    """To whoever listens on this unix socket; nothing when nobody does."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as line:
        line.settimeout(0.2)
        line.connect(path)
        line.sendall(words.encode())


def hold_alone(data: Path) -> IO[str]:
    """Keep the returned file open for as long as nobody else may run on this folder; it survives exec."""
    path = data / "shipway.lock"
    try:
        data.mkdir(parents=True, exist_ok=True)
        handle = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise BadConfig(
            f"The data folder {data} cannot be written ({error.strerror}). "
            "Give its owner the right to, or set server.data to another folder."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.seek(0)
        owner = handle.read().strip() or "unknown"
        handle.close()
        raise Conflict(
            f"Another `shipway up` (process {owner}) already runs on {data}. "
            "End that one first, or give this one a server.data of its own."
        ) from error
    handle.truncate(0)
    handle.write(f"{os.getpid()}\n")
    handle.flush()
    os.set_inheritable(handle.fileno(), True)
    return handle
