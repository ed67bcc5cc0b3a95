"""sshd for the host that is reached by SSH: in the machine's network namespace and in a mount namespace where
/run/docker.sock is that machine's engine, as on a real server. Keys only."""

from pathlib import Path

from tests.lab import daemons
from tests.lab.commands import run
from tests.lab.layout import Lab, Machine


def files(folder: Path) -> dict[str, str]:
    """What a client needs, as lab.json says it."""
    return {"key": str(folder / "id"), "known_hosts": str(folder / "known_hosts")}


def pid(lab: Lab, machine: Machine) -> int:
    return daemons.pid_of(machine.folder / "sshd.pid", str(lab.state / "ssh/sshd_config"))


def start(lab: Lab, machine: Machine) -> None:
    """One sshd on the machine's address, unless it runs."""
    folder = lab.state / "ssh"
    _keys(folder, machine.address)
    config = folder / "sshd_config"
    config.write_text(
        f"ListenAddress {machine.address}:22\nHostKey {folder}/host\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/id.pub\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
        "StrictModes no\nPrintMotd no\nMaxStartups 100\nMaxSessions 100\nSubsystem sftp internal-sftp\n"
    )
    if pid(lab, machine):
        return
    # a private /run: sshd wants /run/sshd, and clients want the engine at its usual place
    script = (
        "mount -t tmpfs none /run && mkdir /run/sshd && "
        'ln -s "$1" /run/docker.sock && exec /usr/sbin/sshd -D -e -f "$2"'
    )
    namespace = f"--net=/run/netns/{machine.namespace}"
    words = ["nsenter", namespace, "unshare", "--mount", "sh", "-c", script, "sshd"]
    started = daemons.launch([*words, str(machine.socket), str(config)], machine.folder / "sshd.log")
    (machine.folder / "sshd.pid").write_text(str(started))


def _keys(folder: Path, address: str) -> None:
    if (folder / "known_hosts").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("host", "id"):
        run(
            [
                "ssh-keygen",
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-C",
                f"shipway-lab-{name}",
                "-f",
                str(folder / name),
            ]
        )
    public = (folder / "host.pub").read_text().split()
    (folder / "known_hosts").write_text(f"{address} {public[0]} {public[1]}\n")
