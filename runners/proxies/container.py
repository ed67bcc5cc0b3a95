"""One proxy container on one host: found, made, started, given files, asked and told. Common to nginx and HAProxy.

Decides nothing about configurations. A file gets its final name only after the proxy itself has checked it, and never in
place of one of a higher generation.
"""

import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import docker
import docker.errors

from pipeline.errors import ConfigRefused, PortTaken, Rejected, Unreachable
from pipeline.fleet.host import Host, RegistryAccess
from pipeline.fleet.proxy import Proxy, Site
from runners.engine_errors import said_no, speaking
from runners.engines.images import pull
from runners.engines.labels import HOST, PROXY, left_alone, mark, stranger
from runners.engines.remove import remove
from runners.engines.start import BOUNDED_LOG
from runners.exchange import Answer, exchange, processes
from runners.fence import FENCE, NEWER, outdated, read_generation
from runners.line import Lines, Reply

IMAGE = "shipway.image"
LISTEN = "shipway.listen"
INSIDE = 8080  # not privileged: some images run as a user
FOLDER = "/etc/shipway"
MEMORY = 4 << 20  # bytes of /dev/shm, where nginx notes its requests
_REFUSED = 96

_PATIENCE = 60.0  # seconds for a proxy to check a file

# The text comes on standard input. $1 its bytes, $2 candidate, $3 the file that counts, $4 the one before it, $5 its
# generation, then the check's own words.
_ACCEPT = (
    FENCE
    + """
umask 022
size=$1 candidate=$2 live=$3 last=$4 mine=$5; shift 5
trap 'rm -f "$candidate"' EXIT
head -c "$size" >"$candidate" || exit 1
newer "$live" "$mine"
"$@" || exit 96
newer "$live" "$mine"
if [ -f "$live" ]; then cp -p "$live" "$last"; fi
mv -f "$candidate" "$live"
"""
)
# $1 bytes on standard input, $2 candidate, then the check's own words.
_TRY = """
umask 022
size=$1 candidate=$2; shift 2
trap 'rm -f "$candidate"' EXIT
head -c "$size" >"$candidate" || exit 1
"$@" || exit 96
"""
# $1 the file that counts, $2 the one before it, $3 the generation that is taken back.
_BACK = FENCE + 'newer "$1" "$3"; if [ -f "$2" ]; then exec cp -p "$2" "$1"; fi'
_SCRIPTS = {"accept": _ACCEPT, "try": _TRY, "back": _BACK}


def name_of(proxy: Proxy, host: Host) -> str:
    return f"shipway-proxy-{proxy.name}-{host.name}"


@dataclass(frozen=True)
class Recipe:
    """How a kind of proxy is run and checked. `run` and `check` are words; `check` ends with the file's path."""

    file: str
    run: tuple[str, ...]
    check: tuple[str, ...]
    stop_signal: str


@dataclass(frozen=True)
class SiteContainer:
    """A site and the client of its host's engine. Every method raises `RunnerError` kinds only."""

    client: docker.APIClient
    lines: Lines
    host: Host
    proxy: Proxy
    recipe: Recipe
    registry: RegistryAccess | None = None
    installation: str = ""

    @property
    def site(self) -> Site:
        return Site(self.proxy.name, self.host.name)

    @property
    def name(self) -> str:
        return name_of(self.proxy, self.host)

    @property
    def live(self) -> str:
        return f"{FOLDER}/{self.recipe.file}"

    def found(self) -> dict[str, Any] | None:
        """What the engine says of it; None when there is none."""
        with speaking(self.host, f"look at proxy {self.proxy.name}"):
            try:
                seen: dict[str, Any] = self.client.inspect_container(self.name)
            except docker.errors.NotFound:
                return None
        labels = seen["Config"]["Labels"] or {}
        named = labels.get(PROXY) == self.proxy.name and labels.get(HOST) == self.host.name
        if not named or stranger(labels, self.installation):
            raise left_alone(self.host, self.name, labels, self.installation)
        return seen

    def begin(self, text: str) -> None:
        """First start, or again after it was stopped or removed: checked in a throw-away container first."""
        pull(self.client, self.host, self.proxy.image, self.registry)
        self.rehearse(text)
        with speaking(self.host, f"start proxy {self.proxy.name}"):
            seen = self.found()
            if seen:
                self._refuse_older(text)
            container = seen["Id"] if seen else self._create(self.name, self.recipe.run, listening=True)
            self.put(container, self.recipe.file, text)
            self._start(container)

    def rehearse(self, text: str, listening: bool = False) -> None:
        """Does it load? Asked of a throw-away container of the same image, without network unless it is `listening`:
        then it also holds the proxy's port for that moment. Raises `PortTaken` when it cannot have it."""
        pull(self.client, self.host, self.proxy.image, self.registry)
        name = f"{self.name}-check"
        with speaking(self.host, f"check a configuration of proxy {self.proxy.name}"):
            remove(self.client, name)
            container = self._create(name, self.recipe.check, listening)
            try:
                self.put(container, self.recipe.file, text)
                self._start(container)
                code = int(self.client.wait(container, timeout=60)["StatusCode"])
                said = bytes(self.client.logs(container, tail=20)).decode(errors="replace")
            finally:
                remove(self.client, container)
        if code:
            raise self._refused(said)

    def accept(self, text: str) -> None:
        """Checked in the running container, then moved in place at once. Nothing is loaded yet."""
        mine = read_generation(text)
        candidate = f"{self.live}.{mine}"
        words = candidate, self.live, f"{self.live}.last", str(mine), *self._check(candidate)
        self._configure("accept", text, *words, generation=mine)

    def attempt(self, text: str) -> None:
        """Checked in the running container and thrown away."""
        candidate = f"{self.live}.try"
        self._configure("try", text, candidate, *self._check(candidate))

    def take_back(self, generation: int) -> None:
        """The file that counted before this one was accepted counts again."""
        self._told("back", (self.live, f"{self.live}.last", str(generation)), generation=generation)

    def signal(self, name: str) -> None:
        with speaking(self.host, f"send {name} to proxy {self.proxy.name}"):
            self.client.kill(self.name, name)

    def ask(self, port: int, payload: bytes, generation: int | None = None, timeout: float = 5.0) -> Answer:
        """A control port on the container's own loopback. With a `generation` it is told something: raises `Outdated`
        in place of that when a newer one is there."""
        fence = None if generation is None else (self.live, generation)
        where = f"127.0.0.1:{port}"
        answer = exchange(self.lines, self.client, self.host, self.name, where, payload, timeout, fence)
        if answer.newer:
            raise outdated(self.site, generation or 0, answer.newer)
        return answer

    def run(self, scripts: Mapping[str, str], words: Sequence[str], timeout: float = 5.0) -> Reply | None:
        """A constant script inside, over a kept shell. None: no answer in time."""
        return self.lines.run(self.client, self.host, self.name, scripts, words, b"", timeout)

    def processes(self) -> dict[int, str]:
        """What each process in it calls itself."""
        return processes(self.lines, self.client, self.host, self.name, timeout=5.0)

    def said(self, since: int) -> str:
        """What it logged since then (seconds since 1970)."""
        with speaking(self.host, f"read the log of proxy {self.proxy.name}"):
            return bytes(self.client.logs(self.name, since=since, tail=20)).decode(errors="replace")

    def refusal(self, why: str) -> ConfigRefused:
        return ConfigRefused(
            f"Proxy {self.site}: the new configuration was refused, the old one serves on: {why}"
        )

    def _check(self, path: str) -> tuple[str, ...]:
        return (*self.recipe.check[:-1], path)

    def _refused(self, said: str) -> ConfigRefused:
        return self.refusal(" ".join(said.split())[-600:] or "its checker gave no reason")

    def _configure(self, script: str, text: str, *words: str, generation: int = 0) -> None:
        data = text.encode()
        self._told(script, (str(len(data)), *words), data, generation)

    def _told(self, script: str, words: Sequence[str], data: bytes = b"", generation: int = 0) -> None:
        """As root: the folder is root's, the proxy may not be."""
        place = self.client, self.host, self.name
        reply = self.lines.run(*place, _SCRIPTS, (script, *words), data, _PATIENCE, user="0")
        if reply is None:
            raise Unreachable(
                f"Host {self.host.name}: proxy {self.proxy.name} did not check its configuration within {_PATIENCE:g} s."
            )
        said = reply.said + reply.out.decode(errors="replace")
        if reply.code == NEWER:
            raise outdated(self.site, generation, int(said.split()[0]))
        if reply.code == _REFUSED:
            raise self._refused(said)
        if reply.code:
            raise Rejected(
                f"Host {self.host.name}: proxy {self.proxy.name} could not be configured (code {reply.code}): {said.strip()}. "
                "Look at the container's disk."
            )

    def _refuse_older(self, text: str) -> None:
        """Of a container that does not run only the file can tell."""
        try:
            chunks, _ = self.client.get_archive(self.name, self.live)
        except docker.errors.NotFound:
            return
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
            file = tar.extractfile(self.recipe.file)
            there = read_generation(file.read().decode(errors="replace")) if file else 0
        if there > read_generation(text):
            raise outdated(self.site, read_generation(text), there)

    def put(self, container: str, file: str, text: str) -> None:
        with speaking(self.host, f"put a configuration into proxy {self.proxy.name}"):
            self.client.put_archive(container, "/etc", _archive(file, text))

    def _create(self, name: str, words: Sequence[str], listening: bool) -> str:
        labels = {HOST: self.host.name, **mark(self.installation)}
        if words == self.recipe.run:
            labels |= {PROXY: self.proxy.name, IMAGE: self.proxy.image, LISTEN: str(self.proxy.listen)}
        made = self.client.create_container(
            self.proxy.image,
            list(words[1:]),
            entrypoint=[words[0]],
            name=name,
            labels=labels,
            ports=[INSIDE] if listening else [],
            stop_signal=self.recipe.stop_signal,
            host_config=self._host_config(words, listening),
            use_config_proxy=False,
        )
        return str(made["Id"])

    def _host_config(self, words: Sequence[str], listening: bool) -> Any:
        network: dict[str, Any] = {"network_mode": "none"}
        if listening:
            network = {"port_bindings": {INSIDE: (self.host.address, self.proxy.listen)}}
        return self.client.create_host_config(
            restart_policy={"Name": "unless-stopped" if words == self.recipe.run else "no"},
            init=True,  # reaps what `docker exec` leaves, which is not a proxy's business
            security_opt=["no-new-privileges"],
            log_config=BOUNDED_LOG,
            shm_size=MEMORY,
            **network,
        )

    def _start(self, container: str) -> None:
        try:
            self.client.start(container)
        except docker.errors.APIError as error:
            raise self._not_started(error) from error

    def _not_started(self, error: docker.errors.APIError) -> Exception:
        known = said_no(self.host, f"start proxy {self.proxy.name}", error)
        if isinstance(known, PortTaken):
            return PortTaken(
                f"{known} Proxy {self.proxy.name} needs {self.host.address}:{self.proxy.listen}: "
                f"stop that program, or set proxies.{self.proxy.name}.listen."
            )
        return known


def _archive(file: str, text: str) -> bytes:
    """A tar of the folder and one file in it, readable by any user of the image."""
    data = text.encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        folder = tarfile.TarInfo(FOLDER.rsplit("/", 1)[-1])
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(folder)
        entry = tarfile.TarInfo(f"{folder.name}/{file}")
        entry.size, entry.mode = len(data), 0o644
        tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()
