"""A fresh machine in a lab that is up: an address, an engine that only its own socket reaches, and the little of systemd that
starts it. Commands run there as on a real one: /etc and /run are its own. `bin/lab down` takes it too."""

import json
import os
import subprocess

from tests.lab import daemons, network, spare
from tests.lab.commands import LabError, run
from tests.lab.layout import Lab, Machine

LAST = 161  # byte of its address

# units are files in /etc/systemd/system; only the engine's and the agent's are obeyed, the others are noted
SYSTEMCTL = """#!/bin/sh
units=/etc/systemd/system
echo "$@" >>@folder@/systemctl.log
show() { echo 'ExecStart=@dockerd@'; cat $units/docker.service.d/*.conf 2>/dev/null; }
begin() {
    words=$(show | sed -n 's/^ExecStart=\\(.\\)/\\1/p' | tail -n 1)
    setsid $words >>@folder@/log 2>&1 </dev/null &
    for _ in $(seq 300); do docker version >/dev/null 2>&1 && return; sleep 0.1; done
    exit 1
}
end() {
    pid=$(cat @folder@/pid 2>/dev/null) || return 0
    kill "$pid" 2>/dev/null
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
}
agent() {
    unit=$units/shipway-agent.service
    kill "$(cat @folder@/agent.pid 2>/dev/null)" 2>/dev/null
    env "$(sed -n 's/^Environment="\\(.*\\)"/\\1/p' $unit)" SHIPWAY_AGENT_FENCES=@folder@/fences \\
        setsid $(sed -n 's/^ExecStart=//p' $unit) >>@folder@/log 2>&1 </dev/null &
    echo $! >@folder@/agent.pid
}
case "$*" in
    'cat docker.service') show ;;
    'restart docker') end; begin ;;
    'enable --now docker') begin ;;
    'restart shipway-agent.service') agent ;;
esac
"""
# everything that a machine has for itself: /etc over this one's, and a /run of its own
OWN = (
    "mount -t tmpfs none $1/root && mkdir $1/root/upper $1/root/work && "
    "mount -t overlay -o lowerdir=/etc,upperdir=$1/root/upper,workdir=$1/root/work overlay /etc && "
    "mount -t tmpfs none /run && touch $1/ready && exec sleep infinity"
)


def machine_of(lab: Lab, name: str) -> Machine:
    namespace = f"shipway-{lab.name}-{name}"
    return Machine(name, str(lab.subnet[LAST]), lab.state / name, namespace, f"sl{lab.tag}{LAST}")


def add(lab: Lab, machine: Machine) -> None:
    """Up, its engine too, as a cloud's image with Docker would be."""
    take(machine)
    (machine.folder / "root").mkdir(parents=True)
    network.plug(lab, machine)
    run(["ip", "neigh", "flush", "to", machine.address])
    config = daemons._engine_config(lab, machine)
    for key in ("hosts", "tls"):
        del config[key]
    (machine.folder / "daemon.json").write_text(json.dumps(config))
    dockerd = f"dockerd --config-file {machine.folder}/daemon.json -H unix:///run/docker.sock"
    text = SYSTEMCTL.replace("@folder@", str(machine.folder)).replace("@dockerd@", dockerd)
    (machine.folder / "bin").mkdir()
    (machine.folder / "bin/systemctl").write_text(text)
    (machine.folder / "bin/systemctl").chmod(0o755)
    _live(machine)
    done = execute(machine, "mkdir -p /etc/systemd/system; systemctl enable --now docker")
    if done.returncode:
        raise LabError(f"the engine of {machine.name} does not start: {machine.folder}/log")


def execute(machine: Machine, line: str, timeout: float = 180) -> subprocess.CompletedProcess[str]:
    """What somebody with a root shell on the machine would type."""
    life = (machine.folder / "life.pid").read_text()
    words = [
        "nsenter",
        f"--net=/run/netns/{machine.namespace}",
        f"--mount=/proc/{life}/ns/mnt",
        "sh",
        "-c",
        line,
    ]
    environment = {
        "PATH": f"{machine.folder}/bin:{os.environ['PATH']}",
        "HOME": "/root",
    }
    return subprocess.run(
        words, capture_output=True, text=True, timeout=timeout, env=environment, check=False, cwd="/"
    )


def take(machine: Machine) -> None:
    """Nothing of it is left when this returns."""
    life = daemons.pid_of(machine.folder / "life.pid", "sleep")
    pid = spare.pid_of(machine)
    daemons.stop([pid] if pid else [], seconds=15)
    daemons.stop([life] if life else [], seconds=2)
    spare.take(machine)


def _live(machine: Machine) -> None:
    """A process that holds what is the machine's own."""
    namespace = f"--net=/run/netns/{machine.namespace}"
    words = ["nsenter", namespace, "unshare", "--mount", "--propagation", "private", "sh", "-c", OWN, "life"]
    pid = daemons.launch([*words, str(machine.folder)], machine.folder / "life.log")
    (machine.folder / "life.pid").write_text(str(pid))
    # before that a command would run in the /run and /etc of this very machine
    if not daemons._until((machine.folder / "ready").exists, 10):
        raise LabError(f"{machine.name} has no /etc of its own: {(machine.folder / 'life.log').read_text()}")


def files(machine: Machine, *names: str) -> dict[str, str]:
    """Of its /etc/shipway: a name and what stands there."""
    done = {name: execute(machine, f"cat /etc/shipway/{name}") for name in names}
    return {name: result.stdout for name, result in done.items()}
