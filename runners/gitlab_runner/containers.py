"""Runner containers on a host's engine: looked at, started with their configuration inside, drained, ended.

config.toml with its token is put into the container before its first start and never lies on the host beside it. Touches
only containers with our labels, and of our installation.
"""

import io
import math
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import docker.errors
import requests.exceptions
from docker.types import Mount

from pipeline.errors import Rejected
from pipeline.fleet.gitlab_runners import Executor, RunnerFleet
from pipeline.fleet.host import Host, RegistryAccess
from pipeline.gitlab_runner.runner import ContainerSeen, Record, Slot, fingerprint
from runners.engine_errors import speaking
from runners.engines.images import pull
from runners.engines.labels import HOST, left_alone, mark, number, stranger
from runners.engines.remove import remove
from runners.engines.start import BOUNDED_LOG
from runners.engines.tail import tail
from runners.gitlab_runner.config import CA, config_toml
from runners.reach import PATIENT, QUICK, USUAL, Reach

RUNNER = "shipway.runner"  # its fleet
INDEX = "shipway.runner.index"
CONFIG = "shipway.runner.config"  # the fingerprint of its settings
STOP_TIMEOUT = "shipway.runner.stop-timeout"
FOLDER = "gitlab-runner"  # under /etc
GRACE = 30.0  # seconds between SIGTERM, which cuts jobs, and SIGKILL


class RunnerContainers:
    """Implements `pipeline.gitlab_runner.desk.RunnerHosts`."""

    def __init__(self, reach: Reach, registry: RegistryAccess, installation: Callable[[], str]) -> None:
        self._reach, self._registry, self._installation = reach, registry, installation

    def look(self, host: Host) -> tuple[ContainerSeen, ...]:
        client = self._reach.client(host, QUICK)
        with speaking(host, "look for GitLab runners"):
            wanted = {"label": [RUNNER, f"{HOST}={host.name}", *self._mark()]}
            found: list[dict[str, Any]] = client.containers(all=True, filters=wanted)
            return tuple(_seen(client.inspect_container(one["Id"])) for one in found)

    def start(self, fleet: RunnerFleet, record: Record) -> str:
        host, name = record.host, record.slot.container
        pull(
            self._reach.client(host, PATIENT), host, fleet.runner_image, self._registry, self._installation()
        )
        client = self._reach.client(host, USUAL)
        with speaking(host, f"start {name}"):
            adopted = self._adopted(client, fleet, record)
            if adopted:
                return adopted
            made = client.create_container(name=name, **self._settings(client, fleet, record))["Id"]
            files = {"config.toml": config_toml(fleet, record), ".runner_system_id": record.system_id}
            if fleet.ca:
                files[CA] = Path(fleet.ca).read_text(encoding="utf-8")
            client.put_archive(made, "/etc", _archive(files))
            client.start(made)
        return str(made)

    def drain(self, host: Host, container: str) -> None:
        """Its restart policy goes first: who ends by itself would be started again."""
        client = self._reach.client(host, USUAL)
        with speaking(host, f"let {container[:12]} finish its jobs"):
            if not self._is_ours(client, host, container):
                return
            client.update_container(container, restart_policy=_NO_RESTART)
            try:
                client.kill(container, "SIGQUIT")
            except docker.errors.APIError as error:
                if error.status_code not in (404, 409):  # it has ended
                    raise

    def ended(self, host: Host, container: str, seconds: float) -> bool:
        client = self._reach.client(host, USUAL)
        with speaking(host, f"wait for {container[:12]}"):
            try:
                client.wait(container, timeout=math.ceil(seconds) or 1)
            except docker.errors.NotFound:
                return True
            except requests.exceptions.ReadTimeout:
                return False
            except requests.exceptions.ConnectionError as error:  # how urllib3 tells a timeout in an answer
                if "timed out" not in str(error).lower():
                    raise
                return False
            return True

    def end(self, host: Host, container: str) -> None:
        client = self._reach.client(host, USUAL)
        with speaking(host, f"remove {container[:12]}"):
            if not self._is_ours(client, host, container):
                return
            if client.inspect_container(container)["State"]["Running"]:
                client.kill(container, "SIGTERM")
                until = time.monotonic() + GRACE
                while not self.ended(host, container, 2.0) and time.monotonic() < until:
                    continue
            remove(client, container)

    def said(self, host: Host, container: str) -> str:
        client = self._reach.client(host, USUAL)
        with speaking(host, f"read the log of {container[:12]}"):
            try:
                text = bytes(client.logs(container, tail=5)).decode(errors="replace")
            except docker.errors.NotFound:
                return ""
        return tail(text.strip(), 1000)

    def _adopted(self, client: docker.APIClient, fleet: RunnerFleet, record: Record) -> str:
        """Its id when it runs already; what is dead of it makes room."""
        name = record.slot.container
        try:
            found = client.inspect_container(name)
        except docker.errors.NotFound:
            return ""
        if not self._is_ours(client, record.host, found["Id"]):
            return ""
        seen = _seen(found)
        if not seen.running:
            remove(client, seen.id)
            return ""
        if seen.config != fingerprint(fleet, record):
            raise Rejected(
                f"Host {record.host.name}: {name} runs with other settings. Apply again: its jobs may finish first."
            )
        return seen.id

    def _settings(self, client: docker.APIClient, fleet: RunnerFleet, record: Record) -> dict[str, Any]:
        """The command is the image's own. SIGQUIT, so that a `docker stop` by hand lets jobs finish, too."""
        mounts: list[Mount] = []
        limits: dict[str, Any] = {}
        if fleet.executor is Executor.DOCKER:
            mounts = [
                Mount("/var/run/docker.sock", fleet.socket, type="bind")
            ]  # refused when it is not there
        elif fleet.memory or fleet.cpus:
            limits = {"mem_limit": fleet.memory or None, "nano_cpus": int(fleet.cpus * 1e9) or None}
        labels = {
            RUNNER: record.slot.fleet,
            INDEX: str(record.slot.index),
            CONFIG: fingerprint(fleet, record),
            STOP_TIMEOUT: f"{fleet.stop_timeout:g}",
            HOST: record.host.name,
            **mark(self._installation()),
        }
        host_config = client.create_host_config(
            restart_policy=_UNLESS_STOPPED, log_config=BOUNDED_LOG, mounts=mounts, **limits
        )
        return {
            "image": fleet.runner_image,
            "labels": labels,
            "stop_signal": "SIGQUIT",
            "host_config": host_config,
            "use_config_proxy": False,
        }

    def _mark(self) -> list[str]:
        return [f"{key}={value}" for key, value in mark(self._installation()).items()]

    def _is_ours(self, client: docker.APIClient, host: Host, container: str) -> bool:
        """False when it is gone. Raises `Rejected` when somebody else made it."""
        try:
            found = client.inspect_container(container)
        except docker.errors.NotFound:
            return False
        labels = found["Config"]["Labels"] or {}
        if RUNNER not in labels or labels.get(HOST) != host.name or stranger(labels, self._installation()):
            raise left_alone(host, found["Name"].lstrip("/"), labels, self._installation())
        return True


_NO_RESTART: Any = {"Name": "no"}
_UNLESS_STOPPED: Any = {"Name": "unless-stopped"}  # the SDK's own types are too narrow for it


def _seen(container: dict[str, Any]) -> ContainerSeen:
    labels, state = container["Config"]["Labels"] or {}, container["State"]
    return ContainerSeen(
        id=str(container["Id"]),
        slot=Slot(labels[RUNNER], labels.get(HOST, ""), number(labels, INDEX)),
        config=labels.get(CONFIG, ""),
        running=bool(state["Running"] or state.get("Restarting")),
        state="restarting again and again" if state.get("Restarting") else str(state["Status"]),
        exit_code=int(state["ExitCode"]) if state["Status"] in ("exited", "dead", "restarting") else None,
        stop_timeout=float(labels.get(STOP_TIMEOUT, 0)),
    )


def _archive(files: dict[str, str]) -> bytes:
    """A tar of the folder and its files, for root alone."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        folder = tarfile.TarInfo(FOLDER)
        folder.type, folder.mode = tarfile.DIRTYPE, 0o700
        tar.addfile(folder)
        for name, text in files.items():
            data = text.encode()
            entry = tarfile.TarInfo(f"{FOLDER}/{name}")
            entry.size, entry.mode = len(data), 0o600
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()
