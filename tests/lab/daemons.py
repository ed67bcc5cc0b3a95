"""Starts and stops daemons by pid file. A pid is believed only when its command line names the lab's own file, so a reused
pid is never killed."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.lab import engine, network
from tests.lab.commands import LabError
from tests.lab.layout import Lab, Machine

FREE_WITHIN = 10.0  # seconds after the end of the one before


def pid_of(pidfile: Path, mark: str) -> int:
    """The pid in the file when that process lives and is ours, else 0."""
    try:
        pid = int(pidfile.read_text())
        line = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except (OSError, ValueError):
        return 0
    return pid if mark in line else 0


def launch(words: list[str], log: Path) -> int:
    """Start a daemon in a session of its own, its output in `log`."""
    with log.open("ab") as out:
        child = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, cwd="/"
        )
    child.returncode = 0  # it outlives us on purpose: no warning about an unfinished child
    return child.pid


# ------------------------------------------------------------------------------------------------ engines


def start_engine(lab: Lab, machine: Machine) -> None:
    """One dockerd in the machine's namespace, unless it runs."""
    folder = machine.folder
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "daemon.json"
    if pid_of(folder / "pid", str(config)):
        return
    for stale in (folder / "pid", folder / "exec/containerd/containerd.pid", machine.socket):
        stale.unlink(missing_ok=True)
    config.write_text(json.dumps(_engine_config(lab, machine), indent=1))
    # nsenter, not `ip netns exec`: that one remounts /sys and hides the control groups
    namespace = f"--net=/run/netns/{machine.namespace}"
    launch(["nsenter", namespace, "dockerd", "--config-file", str(config)], folder / "log")


def _engine_config(lab: Lab, machine: Machine) -> dict[str, object]:
    folder = machine.folder
    config: dict[str, object] = {
        "data-root": str(folder / "data"),
        "exec-root": str(folder / "exec"),
        "pidfile": str(folder / "pid"),
        "hosts": [f"unix://{machine.socket}"],
        "tls": False,  # said aloud, else a plain tcp listener waits 15 s at start
        "insecure-registries": [str(lab.subnet)],
        "max-concurrent-downloads": 6,
        "mtu": network.mtu(),
        "labels": [f"shipway.lab={machine.name}"],
    }
    if machine.kind == "plain":
        config["hosts"] = [f"unix://{machine.socket}", machine.engine]
    if machine.kind == "tls":
        keys = lab.state / "tls"
        config |= {
            "hosts": [f"unix://{machine.socket}", machine.engine],
            "tlsverify": True,
            "tlscacert": str(keys / "ca.pem"),
            "tlscert": str(keys / "server-cert.pem"),
            "tlskey": str(keys / "server-key.pem"),
        }
        del config["tls"]
    return config


def wait_engine(machine: Machine) -> None:
    engine.wait(machine.socket, machine.folder / "log")


# ------------------------------------------------------------------------------------------------ registry


def start_registry(folder: Path, address: str, port: int) -> None:
    """One docker-registry on this address only, unless it runs."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.yml"
    if pid_of(folder / "pid", str(config)):
        return
    config.write_text(
        json.dumps(
            {
                "version": "0.1",
                "log": {"level": "warn", "accesslog": {"disabled": True}},
                "storage": {
                    "filesystem": {"rootdirectory": str(folder / "data")},
                    "delete": {"enabled": True},
                    "cache": {"blobdescriptor": "inmemory"},
                },
                "http": {"addr": f"{address}:{port}"},
            }
        )
    )
    if not _until(lambda: _free(address, port), FREE_WITHIN):
        raise LabError(
            f"somebody listens on {address}:{port}, where the registry of {folder} belongs: look with ss -ltnp"
        )
    pid = launch(["docker-registry", "serve", str(config)], folder / "log")
    (folder / "pid").write_text(str(pid))


def _free(address: str, port: int) -> bool:
    try:
        socket.create_server((address, port)).close()
    except OSError:
        return False
    return True


# ------------------------------------------------------------------------------------------------ stopping


def stop(pids: list[int], seconds: float) -> None:
    """SIGTERM, wait, SIGKILL what is left, wait until it is really gone."""
    _signal(pids, signal.SIGTERM)
    if not _until(lambda: not _living(pids), seconds):
        _signal(_living(pids), signal.SIGKILL)
        if not _until(lambda: not _living(pids), 10):
            raise LabError(f"processes {_living(pids)} do not end, not even by SIGKILL: look at them with ps")


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _living(pids: list[int]) -> list[int]:
    """Zombies count as gone: only their parent can remove them. Not while other threads than the first one are dying: they
    hold the sockets."""
    found = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
        except OSError:
            continue
        if state != "Z" or threads > 1:
            found.append(pid)
    return found


def _until(done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def containers_of(folder: Path) -> list[int]:
    """Processes of containers whose engine died before them, found by their ids in the control groups' names."""
    ids = [p.name for p in (folder / "data/containers").glob("*")]
    found = []
    for path in Path("/proc").glob("[0-9]*/cgroup"):
        try:
            groups = path.read_text()
        except OSError:
            continue
        if any(i in groups for i in ids):
            found.append(int(path.parent.name))
    return found
