"""What belongs to a lab and where it lies: names, addresses and files, computed from three numbers. Touches nothing
but its own `layout.json`."""

import hashlib
import json
import os
import socket
from dataclasses import asdict, dataclass, replace
from ipaddress import IPv4Network
from pathlib import Path

PREFIX = "/var/tmp/shipway-lab-"
BUILDER, HOST, TLS, SSH = 2, 11, 101, 102  # last byte of their addresses


@dataclass(frozen=True)
class Machine:
    """One engine of the lab in a network namespace of its own."""

    name: str
    address: str
    folder: Path
    namespace: str
    link: str  # its end of the cable in the main namespace; at most 15 letters
    kind: str = "plain"  # plain | builder | tls | ssh

    @property
    def mac(self) -> str:
        """Of its end of the cable. Always the same for an address: neighbours who knew an earlier machine there would send
        to that one's for eight seconds (DELAY, then three PROBEs; arp(7))."""
        return ":".join(("02", "01", *(f"{int(part):02x}" for part in self.address.split("."))))

    @property
    def socket(self) -> Path:
        return self.folder / "docker.sock"

    @property
    def engine(self) -> str:
        """How Shipway is told to reach it."""
        return {
            "plain": f"tcp://{self.address}:2375",
            "tls": f"tcp://{self.address}:2376",
            "ssh": f"ssh://root@{self.address}:22",
            "builder": f"unix://{self.socket}",
        }[self.kind]


@dataclass(frozen=True)
class Lab:
    """The numbers that all else follows from."""

    state: Path
    subnet: IPv4Network
    registry_port: int = 5000
    hosts: int = 3
    tls: bool = False
    ssh: bool = False

    @property
    def name(self) -> str:
        return self.state.name.removeprefix("shipway-lab-")

    @property
    def tag(self) -> str:
        """Six letters for interface names, unlike those of any other lab."""
        return hashlib.sha256(str(self.state).encode()).hexdigest()[:6]

    @property
    def bridge(self) -> str:
        return f"sl{self.tag}br"

    @property
    def mac(self) -> str:
        """Of the bridge; the first byte says that nobody sold it."""
        return ":".join(("02", "00", "00", self.tag[:2], self.tag[2:4], self.tag[4:]))

    @property
    def gateway(self) -> str:
        return str(self.subnet[1])

    @property
    def registry(self) -> str:
        return f"{self.gateway}:{self.registry_port}"

    @property
    def machines(self) -> list[Machine]:
        """Builder, hosts, extras."""
        found = [self._machine("builder", BUILDER, "builder")]
        found += [self._machine(f"web-{i + 1}", HOST + i, "plain") for i in range(self.hosts)]
        found += [self._machine("tls-1", TLS, "tls")] if self.tls else []
        found += [self._machine("ssh-1", SSH, "ssh")] if self.ssh else []
        return found

    def _machine(self, name: str, last: int, kind: str) -> Machine:
        namespace = f"shipway-{self.name}-{name}"
        return Machine(
            name, str(self.subnet[last]), self.state / name, namespace, f"sl{self.tag}{last}", kind
        )

    def save(self) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        facts = asdict(self) | {"state": str(self.state), "subnet": str(self.subnet)}
        (self.state / "layout.json").write_text(json.dumps(facts, indent=1))


def state_of(name: str) -> Path:
    """`--name`, else SHIPWAY_LAB (a state directory), else the lab called `dev`."""
    if name:
        return Path(PREFIX + name)
    return Path(os.environ.get("SHIPWAY_LAB") or PREFIX + "dev")


def load(state: Path) -> Lab | None:
    """The lab as it was laid out before, or None."""
    try:
        facts = json.loads((state / "layout.json").read_text())
    except FileNotFoundError:
        return None
    return Lab(**facts | {"state": Path(facts["state"]), "subnet": IPv4Network(facts["subnet"])})


def widened(lab: Lab, hosts: int, tls: bool, ssh: bool) -> Lab:
    """The same lab with at least this much in it."""
    return replace(lab, hosts=max(lab.hosts, hosts), tls=lab.tls or tls, ssh=lab.ssh or ssh)


def cache() -> Path:
    """Where packages and finished images stay from one lab to the next."""
    named = os.environ.get("SHIPWAY_LAB_CACHE")
    if named:
        return Path(named)
    if os.geteuid() == 0:
        return Path("/var/cache/shipway-lab")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "shipway-lab"


def free_port(address: str, first: int) -> int:
    """The first port from `first` on that nobody listens on, on this address or on all."""
    for port in range(first, first + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port on {address} from {first} to {first + 99}")
