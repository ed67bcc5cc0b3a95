"""A host of the test's own in the lab, to be filled up, frozen and ended: the lab's other hosts never notice."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab import daemons, spare
from tests.lab.commands import run as command
from tests.lab.layout import load
from tests.parts.laboratory import LabHost, Laboratory

_SIT = (
    "import socket, sys\n"
    "held = [socket.create_server((sys.argv[1], int(port))) for port in sys.argv[2:]]\n"
    "print('sitting', flush=True)\n"
    "sys.stdin.read()\n"
)


class SmallHost:
    """Its disk holds `megabytes`. `host` is how a House names it."""

    def __init__(self, lab: Laboratory, name: str = "small-1", megabytes: int = 600) -> None:
        if lab.mode == "shared":
            pytest.skip("without namespaces of its own a lab has no room for one more host")
        layout = load(lab.state)
        assert layout
        self._layout = layout
        self._megabytes = megabytes
        self.machine = spare.machine_of(layout, name)
        self.host = LabHost(
            name, self.machine.engine, self.machine.address, {"socket": str(self.machine.socket)}
        )

    def __enter__(self) -> "SmallHost":
        spare.add(self._layout, self.machine, self._megabytes)
        return self

    def __exit__(self, *_: object) -> None:
        spare.take(self.machine)

    @property
    def pid(self) -> int:
        """Of its engine."""
        return spare.pid_of(self.machine)

    def end(self) -> None:
        """The engine ends, and all containers with it."""
        daemons.stop([self.pid], seconds=20)

    def start(self) -> None:
        spare.start(self._layout, self.machine)

    @contextmanager
    def engine_killed(self) -> Iterator[None]:
        """kill -9. Its containers run on for now; the next engine ends them, and starts again those that it may."""
        os.kill(self.pid, signal.SIGKILL)
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def unplugged(self) -> Iterator[None]:
        """Its cable carries nothing: no refusal, only silence."""
        command(["ip", "link", "set", self.machine.link, "down"])
        try:
            yield
        finally:
            command(["ip", "link", "set", self.machine.link, "up"])

    @contextmanager
    def full(self, left: int) -> Iterator[None]:
        """So many megabytes of its disk are free."""
        disk = os.statvfs(self.machine.folder / "data")
        balloon = self.machine.folder / "data" / "balloon"
        with balloon.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, disk.f_bavail * disk.f_frsize - (left << 20))
        try:
            yield
        finally:
            balloon.unlink()

    @contextmanager
    def taken(self, *ports: int) -> Iterator[None]:
        """A program that is not ours listens on these ports of its address."""
        inside = ["nsenter", f"--net={Path('/run/netns', self.machine.namespace)}"]
        words = [*inside, sys.executable, "-c", _SIT, self.machine.address, *map(str, ports)]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
            assert program.stdout
            assert program.stdin
            try:
                assert program.stdout.readline() == b"sitting\n"
                yield
            finally:
                program.stdin.close()
