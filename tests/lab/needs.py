"""Installs from apt what is missing, and says it. Never reinstalls what is there, never starts a service."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.commands import LabError, run, say

PACKAGES = {
    "dockerd": "docker.io",
    "docker-registry": "docker-registry",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "iptables": "iptables",
    "git": "git",
    "redis-server": "redis-server",
    "openssl": "openssl",
    "ssh": "openssh-client",
    "sshd": "openssh-server",
    "postgres": "postgresql",
    "docker": "docker-cli",
    "busybox": "busybox",
    "haproxy": "haproxy",
    "nginx": "nginx",
    "webhook": "webhook",
    "chromium": "chromium",
    "debian-archive-keyring": "debian-archive-keyring",
}
# what is no program on anybody's PATH
_ELSEWHERE = {
    "postgres": "/usr/lib/postgresql/*/bin/postgres",
    "debian-archive-keyring": "/usr/share/keyrings/debian-archive-keyring.*",
}
LAB = ("dockerd", "docker-registry", "ip", "nsenter", "iptables")
_POLICY = Path("/usr/sbin/policy-rc.d")


def present(command: str) -> bool:
    """On PATH, in sbin (which a user's PATH may lack), or where else Debian puts it."""
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    if command in _ELSEWHERE and any(Path("/").glob(_ELSEWHERE[command][1:])):
        return True
    return shutil.which(command, path=path) is not None


def install(commands: tuple[str, ...]) -> None:
    """Make these commands available. Raises `LabError` when that needs root or apt and there is none."""
    missing = [command for command in commands if not present(command)]
    if not missing:
        return
    packages = sorted({PACKAGES[command] for command in missing})
    if os.geteuid() != 0:
        raise LabError(f"{', '.join(missing)} missing: as root, run `apt-get install {' '.join(packages)}`")
    if not present("apt-get"):
        raise LabError(
            f"{', '.join(missing)} missing and this machine has no apt: install {' '.join(packages)}"
        )
    say(f"apt: installing {' '.join(packages)} ({', '.join(missing)} missing)")
    with _no_services():
        _apt("update")
        _apt("install", "-y", "--no-install-recommends", *packages)
    still = [command for command in missing if not present(command)]
    if still:
        raise LabError(f"apt installed {' '.join(packages)}, but {', '.join(still)} is still not there")


def _apt(*words: str) -> None:
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    run(["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=120", *words], timeout=900)


@contextmanager
def _no_services() -> Iterator[None]:
    """Packages would start a system-wide engine, registry or Redis that nobody asked for; Debian's policy hook
    (https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt) says no for the time of the installation."""
    ours = not _POLICY.exists()
    if ours:
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            _POLICY.unlink(missing_ok=True)


def main() -> None:
    """`python3 -m tests.lab.needs COMMAND…`"""
    try:
        install(tuple(sys.argv[1:]))
    except LabError as error:
        raise SystemExit(f"lab: {error}") from error


if __name__ == "__main__":
    main()
