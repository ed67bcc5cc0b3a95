"""A running Shipway: writes its shipway.yml, starts the real `shipway up` as a process, calls its API, ends it."""

import http.client
import json
import re
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.parts.laboratory import LabHost, Laboratory
from tests.parts.patience import until
from tests.parts.surroundings import environment

SHIPWAY = Path(sys.executable).with_name("shipway")
_OVER = {"succeeded", "failed", "cancelled", "superseded", "rolled_back"}
# short enough for a test, long enough to see a release that dies soon; a busy machine makes good releases slow
QUICK = {
    "healthy_for": "500ms",
    "bake": "500ms",
    "deadline": "30s",
    "drain_timeout": "10s",
    "compare": {"latency": "30x"},
}


class House:
    """One Shipway in a folder of its own with one service on the lab's hosts.

    `service` is unique, so that tests can share a lab; change `config` before `start`.
    """

    until = staticmethod(until)

    def __init__(
        self,
        folder: Path,
        lab: Laboratory,
        repository: Path,
        proxy: str = "haproxy",
        service: str = "",
        listen: int = 0,
    ) -> None:
        self.folder = folder
        self.lab = lab
        self.service = service or f"shop-{secrets.token_hex(3)}"
        self.port = free_port()
        self.listen = listen or 10000 + secrets.randbelow(9000)
        self.secret = secrets.token_hex(16)
        self.token = ""
        self.process: subprocess.Popen[bytes] | None = None
        self.config = self._config(repository, proxy)
        folder.mkdir(parents=True, exist_ok=True)

    def _config(self, repository: Path, proxy: str) -> dict[str, Any]:
        front = f"front-{self.service}"
        names = [host.name for host in self.lab.hosts]
        # hosts that share one engine share its ports: one proxy for all of them
        edge = {"hosts": names[:1]} if self.lab.mode == "shared" else {}
        steps = dict(QUICK)
        production = {"branches": ["main"], "hosts": names, "replicas": 2, "proxy": front, "rollout": steps}
        source = {"url": str(repository), "forge": "git", "project": self.service, "secret": self.secret}
        return {
            "server": {"url": self.url, "listen": f"127.0.0.1:{self.port}", "data": "data"},
            "registry": {"address": self.lab.registry, "namespace": "shipway-live", "insecure": True},
            "builder": {"engine": self.lab.builder},
            "hosts": {host.name: host_entry(host) for host in self.lab.hosts},
            "proxies": {
                front: {"kind": proxy, "image": self.lab.images[proxy], "listen": self.listen} | edge
            },
            "services": {self.service: {"repository": source, "environments": {"production": production}}},
        }

    def move_to(self, port: int) -> None:
        """Listen on this port; before `start`."""
        self.port = port
        self.config["server"] |= {"url": self.url, "listen": f"127.0.0.1:{port}"}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def file(self) -> Path:
        return self.folder / "shipway.yml"

    @property
    def production(self) -> dict[str, Any]:
        """The environment's part of the configuration, to be changed before `start`."""
        found: dict[str, Any] = self.config["services"][self.service]["environments"]["production"]
        return found

    @property
    def fronts(self) -> list[str]:
        """host:port of every proxy."""
        hosts = self.lab.hosts[:1] if self.lab.mode == "shared" else self.lab.hosts
        return [f"{host.address}:{self.listen}" for host in hosts]

    # -------------------------------------------------------------------------------------------- the process

    def write(self) -> None:
        """shipway.yml as it is now (JSON is YAML)."""
        self.file.write_text(json.dumps(self.config, indent=2))

    def start(self, seconds: float = 30) -> "House":
        """`shipway up`, ready, with a token."""
        self.write()
        with (self.folder / "up.log").open("ab") as log:
            words = [str(SHIPWAY), "--config", str(self.file), "up"]
            self.process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=environment(),
                start_new_session=True,  # Ctrl-C ends the test, which then ends this in order
            )
        self.until("shipway up is ready", self._ready, seconds, self.log)
        self.token = self.token or self._own_token()
        return self

    def _own_token(self) -> str:
        """From the server, with the token that `up` left for this machine: the command would load the books again."""
        self.token = (
            (self.folder / self.config["server"]["data"] / "keys" / "local.token").read_text().strip()
        )
        return str(self.post("/tokens", {"name": "test", "role": "admin"})["token"])

    def _ready(self) -> bool:
        assert self.process
        if self.process.poll() is not None:
            raise AssertionError(f"shipway up ended with {self.process.returncode}:\n{self.log()}")
        try:
            return self.call("GET", "/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def stop(self, seconds: float = 10) -> None:
        """SIGTERM; it must end by itself within the time."""
        if not self.process:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"shipway up did not end within {seconds} s after SIGTERM:\n{self.log()}"
            ) from None
        self.process = None

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        assert self.process
        self.process.kill()
        self.process.wait(10)
        self.process = None

    def sweep(self) -> None:
        """Remove the containers that this Shipway started on the lab."""
        values = set(self.config["services"]) | set(self.config["proxies"])
        self.lab.remove(values)

    def log(self, lines: int = 60) -> str:
        path = self.folder / "up.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def parts(self) -> dict[int, str]:
        """Names of the processes that were started, by pid."""
        started = re.findall(r"process started child=(\S+) pid=(\d+)", self.log(100_000))
        return {int(pid): name for name, pid in started}

    def pid(self, part: str) -> int:
        """Of the last process that was started under this name: all are forks and look the same from outside."""
        return int(re.findall(rf"process started child={part} pid=(\d+)", self.log(100_000))[-1])

    def shipway(self, *words: str, timeout: float = 60) -> str:
        """Run the command on this machine; its output. Fails with what it said."""
        done = subprocess.run(
            [str(SHIPWAY), "--config", str(self.file), *words],
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=self.folder,
            env=environment() | {"SHIPWAY_CONFIG": str(self.file)},
            check=False,
        )
        if done.returncode:
            raise AssertionError(
                f"shipway {' '.join(words)} ended with {done.returncode}: {done.stderr}{done.stdout}"
            )
        return done.stdout

    # -------------------------------------------------------------------------------------------- the API

    def call(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and body; JSON where it is JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = {"Content-Type": "application/json"} if body is not None else {}
        proof = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            connection.request(method, path, sent, kind | proof | (headers or {}))
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(text) if "json" in (
            answer.getheader("Content-Type") or ""
        ) else text.decode()

    def get(self, path: str) -> Any:
        """`/api/v1` + path; fails unless 200."""
        status, answer = self.call("GET", f"/api/v1{path}")
        assert status == 200, f"GET {path}: {status} {answer}"
        return answer

    def post(self, path: str, body: object = None) -> Any:
        """`/api/v1` + path; fails unless accepted."""
        status, answer = self.call("POST", f"/api/v1{path}", {} if body is None else body)
        assert status in {200, 201, 202}, f"POST {path}: {status} {answer}"
        return answer

    @property
    def environment(self) -> str:
        """Path of the production environment in the API."""
        return f"/services/{self.service}/environments/production"

    def run_of(self, commit: str, seconds: float = 15) -> int:
        """Id of the run of this commit, as soon as there is one."""
        found: list[int] = []

        def look() -> bool:
            answer = self.get(f"/runs?service={self.service}")
            rows = answer["runs"] if isinstance(answer, dict) else answer
            found.extend(row["id"] for row in rows if row["commit"] == commit)
            return bool(found)

        self.until(f"a run of {commit[:10]}", look, seconds)
        return found[0]

    def finished_run(self, run_id: int, seconds: float = 120) -> dict[str, Any]:
        return self._finished(f"/runs/{run_id}", seconds)

    def finished_deployment(self, deployment_id: int, seconds: float = 120) -> dict[str, Any]:
        return self._finished(f"/deployments/{deployment_id}", seconds)

    def _finished(self, path: str, seconds: float) -> dict[str, Any]:
        last: dict[str, Any] = {}

        def over() -> bool:
            last.update(self.get(path))
            return last["status"] in _OVER

        self.until(f"{path} is over", over, seconds, lambda: f"it stands at {last}\n{self.log()}")
        return last


@contextmanager
def ending(house: House) -> Iterator[House]:
    """Whatever happens inside, it ends and takes its containers along."""
    try:
        yield house
        house.stop()
    finally:
        if house.process:
            house.kill()
        house.sweep()


def host_entry(host: LabHost) -> dict[str, Any]:
    """A host as shipway.yml names it."""
    entry: dict[str, Any] = {"engine": host.engine, "address": host.address, "labels": {"role": "web"}}
    if "ca" in host.keys:
        entry["tls"] = {name: host.keys[name] for name in ("ca", "cert", "key")}
    if "known_hosts" in host.keys:
        entry["ssh"] = {name: host.keys[name] for name in ("key", "known_hosts")}
    return entry


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
