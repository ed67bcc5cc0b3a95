"""A bridge, a network namespace with one cable for each machine, and the firewall lines that let them out. Everything is
named after the lab; `remove` takes away exactly what carries its name."""

import json
import re
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import Path

from tests.lab.commands import LabError, run, works
from tests.lab.layout import Lab, Machine

_SYS = Path("/sys/class/net")


def possible() -> bool:
    """May we make network namespaces here?"""
    return works(["unshare", "--net", "true"])


def free_subnet(wanted: IPv4Network) -> IPv4Network:
    """`wanted`, or the next /24 after it that no interface and no route of this machine uses."""
    used = []
    for route in json.loads(run(["ip", "-j", "-4", "route", "show", "table", "all"])):
        with suppress(ValueError):
            used.append(IPv4Network(route.get("dst", ""), strict=False))
    for step in range(100):
        net = IPv4Network((int(wanted.network_address) + step * 256, 24))
        if not any(net.overlaps(other) for other in used if other.prefixlen):
            return net
    raise LabError(f"no free /24 network from {wanted} on; name one with --subnet")


def mtu() -> int:
    """The largest packet that leaves this machine: containers that believe in more hang in downloads."""
    routes = json.loads(run(["ip", "-j", "-4", "route", "show", "default"]))
    device = routes[0].get("dev", "") if routes else ""
    path = _SYS / device / "mtu"
    return min(1500, int(path.read_text())) if device and path.exists() else 1500


def build(lab: Lab) -> None:
    """Bridge, namespaces, cables, firewall lines; what is there is left alone."""
    if not (_SYS / lab.bridge).exists():
        # an address of its own: a bridge takes the lowest of its cables', and when that changes nobody finds the registry
        run(["ip", "link", "add", lab.bridge, "address", lab.mac, "mtu", str(mtu()), "type", "bridge"])
    run(["ip", "addr", "replace", f"{lab.gateway}/24", "dev", lab.bridge])
    run(["ip", "link", "set", lab.bridge, "up"])
    for machine in lab.machines:
        if not Path("/run/netns", machine.namespace).exists():
            plug(lab, machine)
    _open_firewall(lab)


def plug(lab: Lab, machine: Machine) -> None:
    """Its namespace, and the cable between that and the bridge."""
    inside = ["ip", "-n", machine.namespace]
    run(["ip", "netns", "add", machine.namespace])
    with suppress(LabError):  # a cable whose other end died with an earlier namespace
        run(["ip", "link", "del", machine.link])
    size = str(mtu())
    run(["ip", "link", "add", machine.link, "mtu", size, "type", "veth",
         "peer", "name", "eth0", "address", machine.mac, "mtu", size, "netns", machine.namespace])  # fmt: skip
    run(["ip", "link", "set", machine.link, "master", lab.bridge, "up"])
    run([*inside, "addr", "add", f"{machine.address}/24", "dev", "eth0"])
    run([*inside, "link", "set", "eth0", "up"])
    run([*inside, "link", "set", "lo", "up"])
    run([*inside, "route", "add", "default", "via", lab.gateway])


def _open_firewall(lab: Lab) -> None:
    """Any engine in the main namespace sets FORWARD to DROP, and br_netfilter applies that to frames between our hosts."""
    here = str(lab.subnet)
    rules = [
        ["FORWARD", "-i", lab.bridge, "-j", "ACCEPT"],
        ["FORWARD", "-o", lab.bridge, "-j", "ACCEPT"],
        ["POSTROUTING", "-t", "nat", "-s", here, "!", "-d", here, "-j", "MASQUERADE"],
    ]
    for chain, *rest in rules:
        marked = [*rest, "-m", "comment", "--comment", f"shipway-lab-{lab.tag}"]
        if not works(["iptables", "-w", "-C", chain, *marked]):
            run(["iptables", "-w", "-I", chain, *marked])


def remove(lab: Lab) -> None:
    """Every namespace, cable, bridge and firewall line of this lab, whatever a newer layout says of their number."""
    for namespace in namespaces(lab):
        run(["ip", "netns", "del", namespace], check=False)
    for link in [p.name for p in _SYS.iterdir() if p.name.startswith(f"sl{lab.tag}")]:
        run(["ip", "link", "del", link], check=False)
    for table in ("filter", "nat"):
        for line in run(["iptables", "-w", "-t", table, "-S"], check=False).splitlines():
            if f"shipway-lab-{lab.tag}" in line:
                words = [word.strip('"') for word in re.sub(r"^-A", "-D", line).split()]
                run(["iptables", "-w", "-t", table, *words], check=False)


def namespaces(lab: Lab) -> list[str]:
    folder = Path("/run/netns")
    found = folder.iterdir() if folder.exists() else iter(())
    return sorted(p.name for p in found if p.name.startswith(f"shipway-{lab.name}-"))


def processes(lab: Lab) -> list[int]:
    """Whoever still lives in the lab's namespaces: daemons and their shims (containers have namespaces of their own)."""
    return [pid for name in namespaces(lab) for pid in pids(name)]


def pids(namespace: str) -> list[int]:
    return [int(pid) for pid in run(["ip", "netns", "pids", namespace], check=False).split()]
