"""One more host in a lab that is up, on a small disk of its own, for a test that must break one. `bin/lab down` takes it too."""

import http.client
import shutil
from contextlib import suppress
from pathlib import Path

from tests.lab import daemons, engine, network
from tests.lab.commands import run
from tests.lab.down import unmount
from tests.lab.layout import Lab, Machine

LAST = 151  # byte of its address


def machine_of(lab: Lab, name: str) -> Machine:
    namespace = f"shipway-{lab.name}-{name}"
    return Machine(name, str(lab.subnet[LAST]), lab.state / name, namespace, f"sl{lab.tag}{LAST}")


def add(lab: Lab, machine: Machine, megabytes: int) -> None:
    """Up, on a disk of this size in memory. What is left of an earlier one goes first."""
    take(machine)
    disk = machine.folder / "data"
    disk.mkdir(parents=True)
    run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(disk)])
    network.plug(lab, machine)
    start(lab, machine)


def start(lab: Lab, machine: Machine) -> None:
    daemons.start_engine(lab, machine)
    daemons.wait_engine(machine)


def take(machine: Machine) -> None:
    """Nothing of it is left when this returns. One that is not there is fine."""
    with suppress(OSError, http.client.HTTPException):  # its engine may not run
        engine.remove_containers(machine.socket)
    daemons.stop([pid for pid in [pid_of(machine)] if pid], seconds=15)
    if Path("/run/netns", machine.namespace).exists():
        daemons.stop(network.pids(machine.namespace), seconds=2)
        run(["ip", "netns", "del", machine.namespace])
    daemons.stop(daemons.containers_of(machine.folder), seconds=2)
    unmount(machine.folder)
    shutil.rmtree(machine.folder, ignore_errors=True)


def pid_of(machine: Machine) -> int:
    return daemons.pid_of(machine.folder / "pid", str(machine.folder / "daemon.json"))
