"""An nginx on Shipway's machine that the team runs itself; `endpoint` is its nginx.conf, `id` an upstream.

The upstream stands in a file of ours, `conf.d/shipway-<id>.conf` beside nginx.conf; a parked server stays in it as
`down`. nginx checks no health by itself, so a member that gets requests counts as serving.
"""

import fcntl
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.errors import Rejected, RunnerError, Unreachable
from pipeline.fleet.balancer import Capabilities, LoadBalancer, Member, MemberState, Target
from runners.membership import Membership, Reading
from runners.nginx_master import NginxMaster
from runners.patience import Patience

_ADDRESS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*")
_SERVER = re.compile(r"^\s*server\s+(\S+):([0-9]+)((?:\s+[^;]*)?);", re.MULTILINE)
_NOBODY = "server unix:/nonexistent down;"  # an upstream must not be empty
_REQUEST = 300.0  # an old worker lives as long as its last request; worker_shutdown_timeout may cut it
Servers = dict[Target, bool]  # True: it gets requests


class Nginx(Membership):
    """Implements `pipeline.ports.Balancer`."""

    def __init__(self, entry: LoadBalancer, patience: Patience | None = None) -> None:
        super().__init__(entry, NginxWire(entry), patience)


class NginxWire:
    """Implements `runners.membership.Wire`."""

    batch = 1000  # one reload for all of them
    keeps_parked = True

    def __init__(self, entry: LoadBalancer) -> None:
        self._entry = entry
        configuration = Path(urlsplit(entry.endpoint).path)
        self._master = NginxMaster(configuration)
        self._file = configuration.parent / "conf.d" / f"shipway-{entry.id}.conf"
        self._mark = f"# shipway/{entry.name}"

    # ------------------------------------------------------------------------------------------------ what it is

    def capabilities(self) -> Capabilities:
        return Capabilities(
            weights=True,
            native_drain=True,
            health_while_parked=False,
            batch=self.batch,
            drain=_REQUEST,
            settle=0.0,
            healthy_after=1.0,
        )

    def read(self) -> Reading:
        text = self._text()
        workers = self._master.workers()
        ours = not text or text.startswith(self._mark + "\n")
        if text and not self._master.loaded(self._file):
            doubt = f"nginx has not loaded {self._file} yet"
            return Reading(
                {t: Member(t, MemberState.UNKNOWN, ours, reason=doubt) for t in _servers(text)}, ours
            )
        leaving = any(worker.leaving for worker in workers)
        out = MemberState.DRAINING if leaving else MemberState.PARKED
        members = {
            target: Member(target, MemberState.SERVING if gets else out, ours)
            for target, gets in _servers(text).items()
        }
        return Reading(members, ours)

    # ------------------------------------------------------------------------------------------------ what changes

    def check(self, target: Target) -> None:
        if not _ADDRESS.fullmatch(target.id):
            raise Rejected(f"{self._name}: {target.id!r} is no address; correct `instance` of its host.")

    def park(self, targets: Sequence[Target]) -> None:
        self._change(lambda servers: servers | {t: False for t in targets if t in servers})

    def admit(self, targets: Sequence[Target]) -> None:
        self._change(lambda servers: servers | dict.fromkeys(targets, True))

    add = admit

    def remove(self, targets: Sequence[Target]) -> None:
        self._change(lambda servers: {t: gets for t, gets in servers.items() if t not in targets})

    def adoption(self, targets: Sequence[Target]) -> str:
        return (
            f"Shipway owns the whole of {self._file}: move it away, or let its first line be `{self._mark}`."
        )

    def _change(self, wanted: Callable[[Servers], Servers]) -> None:
        """What does not load, or is not loaded, is taken back: the file is always what nginx would start with."""
        with self._alone():
            before = self._text()
            self._write(self._rendered(wanted(_servers(before))))
            try:
                if f"# configuration file {self._file}:" not in self._master.dump():
                    raise Rejected(
                        f"{self._name}: {self._master.configuration} does not include {self._file}. Write "
                        f"`include {self._file.parent}/*.conf;` into its http block."
                    )
                self._master.reload()
            except RunnerError:
                self._write(before)
                raise

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Other processes of Shipway change the file too."""
        self._file.parent.mkdir(exist_ok=True)
        try:
            with self._file.with_suffix(".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise Rejected(
                f"{self._name}: {error.strerror}: {error.filename}. Let Shipway's user write there."
            ) from error

    def _text(self) -> str:
        try:
            return self._file.read_text()
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise Unreachable(f"{self._name}: {self._file} cannot be read: {error.strerror}.") from error

    def _write(self, text: str) -> None:
        if not text:
            self._file.unlink(missing_ok=True)
            return
        new = self._file.with_suffix(".new")
        new.write_text(text)
        new.rename(self._file)

    def _rendered(self, servers: Servers) -> str:
        lines = [f"server {_named(t)}{'' if gets else ' down'};" for t, gets in sorted(servers.items())]
        body = "".join(f"    {line}\n" for line in lines or [_NOBODY])
        note = "# Written by Shipway at every change of the members; what is edited here is lost."
        return f"{self._mark}\n{note}\nupstream {self._entry.id} {{\n{body}}}\n"

    @property
    def _name(self) -> str:
        return f"Load balancer {self._entry.name} (upstream {self._entry.id})"


def _named(target: Target) -> str:
    return f"[{target.id}]:{target.port}" if ":" in target.id else str(target)


def _servers(text: str) -> Servers:
    return {
        Target(host.strip("[]"), int(port)): "down" not in rest.split()
        for host, port, rest in _SERVER.findall(text)
    }
