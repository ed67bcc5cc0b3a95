"""Control groups and packet forwarding, where the machine has none (a container or small VM without systemd). What is
changed is written down in the lab's folder, so that the last lab takes it back."""

from pathlib import Path

from tests.lab.commands import run, say

_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
_CGROUPS = Path("/sys/fs/cgroup")
_MARKS = Path("/run/shipway-lab")


def prepare() -> None:
    """A machine with cgroups, of either version, is left alone."""
    if _FORWARD.read_text().strip() == "0":
        _FORWARD.write_text("1")
        _mark("forwarding")
    if " cgroup" not in Path("/proc/mounts").read_text():
        _mount_cgroups()


def _mount_cgroups() -> None:
    first = [line.split() for line in Path("/proc/cgroups").read_text().splitlines() if line[0] != "#"]
    legacy = [name for name, _, _, enabled in first if enabled == "1"]
    if not legacy:
        run(["mount", "-t", "cgroup2", "cgroup2", str(_CGROUPS)])
    else:
        run(["mount", "-t", "tmpfs", "cgroup", str(_CGROUPS)])
        for name, options in [*((n, n) for n in legacy), ("systemd", "none,name=systemd")]:
            folder = _CGROUPS / name
            folder.mkdir()
            run(["mount", "-t", "cgroup", "-o", options, "cgroup", str(folder)], check=False)
            if not any(folder.iterdir()):
                folder.rmdir()
    _mark("cgroups")
    say("mounted control groups: this machine had none")


def _mark(what: str) -> None:
    _MARKS.mkdir(parents=True, exist_ok=True)
    (_MARKS / what).touch()


def restore() -> None:
    """Undo `prepare`, unless an engine or another lab still lives on it."""
    if not _MARKS.exists() or _needed():
        return
    if (_MARKS / "forwarding").exists():
        _FORWARD.write_text("0")
    if (_MARKS / "cgroups").exists():
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted((m for m in mounts if m.startswith(str(_CGROUPS))), reverse=True):
            run(["umount", mount], check=False)
    for mark in _MARKS.iterdir():
        mark.unlink()
    _MARKS.rmdir()


def _needed() -> bool:
    for comm in Path("/proc").glob("[0-9]*/comm"):
        try:
            if comm.read_text().strip() in {"dockerd", "containerd"}:
                return True
        except OSError:  # it ended while we looked
            continue
    return False
