"""An HAProxy that the team runs itself, told by its runtime API at `endpoint`; `id` is a backend of it.

A server is parked by `drain`: nothing new, and HAProxy itself counts what is under way. Ours are those whose name begins
with `shipway-<entry>-`. Changes last until HAProxy is started anew: docs/load-balancers.md says how they outlive it.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.errors import Rejected, Unreachable
from pipeline.fleet.balancer import Capabilities, LoadBalancer, Member, MemberState, Target
from runners.haproxy_runtime import ask
from runners.membership import Membership, Reading
from runners.patience import Patience

_ADDRESS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*")
_MAINTENANCE = 0x01 | 0x02 | 0x04 | 0x20 | 0x40  # srv_admin_state, HAProxy's doc/management.txt
_DRAIN = 0x08 | 0x10
_CHECKED = 0x04  # srv_check_state: a check is enabled
_STOPPED, _STARTING, _RUNNING = "0", "1", "2"  # srv_op_state
_FAILED = "2"  # srv_check_result
_REQUEST = 300.0  # the runtime API does not tell `timeout server`; its count of sessions says when it is over
_INTERVAL = 5.0  # nor the interval of a check, which is 2 s by default
_RISE = 2


class Haproxy(Membership):
    """Implements `pipeline.ports.Balancer`."""

    def __init__(self, entry: LoadBalancer, patience: Patience | None = None) -> None:
        super().__init__(entry, HaproxyWire(entry), patience)


@dataclass(frozen=True)
class Server:
    """A line of `show servers state`, and what `show stat` counts for it."""

    name: str
    target: Target
    operation: str
    admin: int
    checked: bool
    failed: bool
    sessions: int = 0


class HaproxyWire:
    """Implements `runners.membership.Wire`."""

    batch = 20
    keeps_parked = True

    def __init__(self, entry: LoadBalancer) -> None:
        self._entry = entry
        self._mark = f"shipway-{entry.name}-"

    # ------------------------------------------------------------------------------------------------ what it is

    def capabilities(self) -> Capabilities:
        rises = [int(row.get("check_rise") or _RISE) for row in self._counts().values()]
        return Capabilities(
            weights=True,
            native_drain=True,
            health_while_parked=True,
            batch=self.batch,
            drain=_REQUEST,
            settle=0.0,
            healthy_after=max(rises, default=_RISE) * _INTERVAL,
        )

    def read(self) -> Reading:
        return Reading({server.target: self._member(server) for server in self._servers().values()})

    def _member(self, server: Server) -> Member:
        ours = server.name.startswith(self._mark)
        return Member(
            server.target, _state(server), ours, reason=f"{server.name}, {server.sessions} sessions"
        )

    def _servers(self) -> dict[Target, Server]:
        text = self._ask(f"show servers state {self._entry.id}")
        lines = text.splitlines()
        if len(lines) < 2 or not lines[1].startswith("# "):
            raise Rejected(f"{self._name}: {text or 'no answer'} Correct `id`, the name of a backend.")
        counts = self._counts()
        columns = lines[1].removeprefix("# ").split(" ")
        rows = [dict(zip(columns, line.split(" "), strict=False)) for line in lines[2:] if line]
        found = [_server(row, counts.get(row["srv_name"], {})) for row in rows]
        return {server.target: server for server in found}

    def _counts(self) -> dict[str, dict[str, str]]:
        """Of the servers of the backend, by name: iid and sid are not known, so everything is read."""
        text = self._ask("show stat -1 4 -1")
        rows = csv.DictReader(text.removeprefix("# ").splitlines())
        return {row["svname"]: row for row in rows if row["pxname"] == self._entry.id}

    # ------------------------------------------------------------------------------------------------ what changes

    def check(self, target: Target) -> None:
        if not _ADDRESS.fullmatch(target.id):
            raise Rejected(f"{self._name}: {target.id!r} is no address; correct `instance` of its host.")

    def park(self, targets: Sequence[Target]) -> None:
        for name in self._names(targets):
            self._order(f"set server {name} state drain")

    def admit(self, targets: Sequence[Target]) -> None:
        """Health first goes down, so that only a check that passes from now on brings requests: HAProxy would take a
        server that leaves maintenance for well, and one that was replaced while it drained too."""
        servers = self._servers()
        for target in targets:
            if target in servers:
                self._let_in(self._path(servers[target].name), servers[target].checked)

    def add(self, targets: Sequence[Target]) -> None:
        for target in targets:
            name = self._path(f"{self._mark}{target.id.replace(':', '_')}-{target.port}")
            address = f"[{target.id}]" if ":" in target.id else target.id
            self._order(f"add server {name} {address}:{target.port} check", "New server registered.")
            self._order(f"enable health {name}")
            self._let_in(name, checked=True)

    def remove(self, targets: Sequence[Target]) -> None:
        """What is still under way is cut: a park, and the wait for it, was the caller's."""
        for name in self._names(targets):
            self._order(f"set server {name} state maint")
            self._order(f"shutdown sessions server {name}")
            answer = self._ask(f"del server {name}")
            if answer != "Server deleted.":
                raise Unreachable(f"{self._name}: {name} cannot be deleted yet: {answer}")

    def adoption(self, targets: Sequence[Target]) -> str:
        named = ", ".join(str(target) for target in targets)
        return f"To hand it to Shipway, let the server line of {named} have a name that begins with {self._mark}."

    def _let_in(self, name: str, checked: bool) -> None:
        if checked:
            self._order(f"set server {name} state drain")
            self._order(f"set server {name} health down")
        self._order(f"set server {name} state ready")

    def _names(self, targets: Sequence[Target]) -> list[str]:
        servers = self._servers()
        return [self._path(servers[target].name) for target in targets if target in servers]

    def _path(self, server: str) -> str:
        return f"{self._entry.id}/{server}"

    def _order(self, command: str, good: str = "") -> None:
        answer = self._ask(command)
        if answer != good:
            raise Rejected(f"{self._name}: `{command}`: {answer or 'no answer'}")

    def _ask(self, command: str) -> str:
        return ask(self._entry.endpoint, [command])[0]

    @property
    def _name(self) -> str:
        return f"Load balancer {self._entry.name} (backend {self._entry.id})"


def _server(row: dict[str, str], counts: dict[str, str]) -> Server:
    named = row.get("srv_fqdn", "-")
    return Server(
        name=row["srv_name"],
        target=Target(row["srv_addr"] if named == "-" else named, int(row["srv_port"])),
        operation=row["srv_op_state"],
        admin=int(row["srv_admin_state"]),
        checked=bool(int(row["srv_check_state"]) & _CHECKED),
        failed=row["srv_check_result"] == _FAILED,
        sessions=int(counts.get("scur") or 0),
    )


def _state(server: Server) -> MemberState:
    if server.admin & (_MAINTENANCE | _DRAIN):
        return MemberState.DRAINING if server.sessions else MemberState.PARKED
    if server.operation in (_STARTING, _RUNNING):
        return MemberState.SERVING
    if server.operation == _STOPPED:
        return MemberState.FAILING if server.failed else MemberState.STARTING
    return MemberState.UNKNOWN
