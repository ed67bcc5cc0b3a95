"""Takes a lab away: containers, daemons, namespaces, bridge, firewall lines, mounts, data. Only what carries its name."""

import http.client
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.lab import daemons, engine, kernel, network, shared, shell_host
from tests.lab.commands import LabError, run, say
from tests.lab.layout import Lab, Machine, load
from tests.lab.up import check_root


def down(state: Path) -> None:
    """Nothing of this lab is left when this returns. A lab that is not there is fine."""
    if shared.down(state):
        return
    lab = load(state)
    if lab is None:
        say(f"no lab at {state}")
        return
    check_root(state)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(_empty, lab.machines))
    daemons.stop(_running(lab), seconds=15)
    daemons.stop(network.processes(lab), seconds=2)  # shims and shells that an engine left behind
    daemons.stop([pid for m in lab.machines for pid in daemons.containers_of(m.folder)], seconds=2)
    network.remove(lab)
    unmount(lab.state)
    shutil.rmtree(lab.state)
    kernel.restore()
    say(f"lab {lab.name} is gone")


def _empty(machine: Machine) -> None:
    """Containers are killed, not asked: an engine that ends would wait ten seconds for each."""
    try:
        engine.remove_containers(machine.socket)
    except (OSError, http.client.HTTPException):  # no engine, no containers of its own to ask about
        return


def _running(lab: Lab) -> list[int]:
    found = [daemons.pid_of(m.folder / "pid", str(m.folder / "daemon.json")) for m in lab.machines]
    found.append(daemons.pid_of(lab.state / "registry/pid", str(lab.state / "registry/config.yml")))
    found += [shell_host.pid(lab, m) for m in lab.machines if m.kind == "ssh"]
    return [pid for pid in found if pid]


def unmount(folder: Path) -> None:
    """Everything that is mounted on it or below it."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((m for m in mounts if f"{m}/".startswith(f"{folder}/")), reverse=True):
        run(["umount", "-l", mount], check=False)


def forget(cache: Path) -> None:
    """The packages and images too."""
    if cache.exists():
        try:
            shutil.rmtree(cache)
        except OSError as error:
            raise LabError(f"{cache} could not be removed: {error}") from error
        say(f"removed {cache}")
