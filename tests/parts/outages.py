"""Parts of the lab that stop answering for a while: a registry or an engine. Whatever happens in the test, they come back."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab import daemons, registry
from tests.lab.layout import load
from tests.parts.laboratory import Laboratory


def registry_of(lab: Laboratory) -> int:
    """Its process id, from the file that the lab keeps."""
    if lab.mode == "shared":
        pytest.skip("this lab shares its registry with everybody: it cannot be taken away")
    folder = lab.state / "registry"
    pid = daemons.pid_of(folder / "pid", str(folder / "config.yml"))
    assert pid, f"the registry of the lab at {lab.state} does not run"
    return pid


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """It keeps its connections and answers nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def registry_down(lab: Laboratory, by: signal.Signals = signal.SIGTERM) -> Iterator[None]:
    """Nobody listens on its port."""
    pid = registry_of(lab)
    os.kill(pid, by)
    daemons.stop([pid], seconds=5)
    try:
        yield
    finally:
        layout, folder = load(lab.state), lab.state / "registry"
        assert layout
        daemons.start_registry(folder, layout.gateway, layout.registry_port)
        registry.wait(lab.registry, folder / "log")
