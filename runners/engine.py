"""Port `Engines` over docker engines: replicas looked at, started, kept, stopped; images pulled and pruned.

Touches only objects with our labels, and of our installation. Decides nothing but a free port; never builds, never pushes.
"""

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import docker
import docker.errors

from pipeline.errors import Rejected, RunnerError
from pipeline.fleet.host import Host, RegistryAccess
from pipeline.rollout.observed import HostSeen
from pipeline.rollout.release import ReplicaPlan
from runners.engine_errors import speaking
from runners.engines.images import digests, missing_bytes, pull, remove_unused
from runners.engines.labels import left_alone, name_of, ours
from runners.engines.look import Facts, facts, look
from runners.engines.once import run_once
from runners.engines.remove import remove
from runners.engines.start import start_replica
from runners.engines.tail import tail
from runners.reach import BRIEF, PATIENT, QUICK, USUAL, Reach
from runners.registries import registry_of
from runners.registries.distribution import Layer

_LOG_LENGTH = 32_768
_FACTS_EVERY = 30.0  # seconds
_IMAGES_EVERY = 5.0  # seconds; what we pull or remove ourselves is seen at once
_FULL_PATIENCE_EVERY = 15.0  # seconds; an engine that is slow, not gone, gets its chance
_UNLESS_STOPPED: Any = {"Name": "unless-stopped"}  # the SDK's own type is too narrow for it


class DockerEngines:
    """For engines of API 1.40 (Docker 19.03) and newer. `installation` gives our id, when it is first needed."""

    def __init__(self, reach: Reach, installation: Callable[[], str] = lambda: "") -> None:
        self._reach = reach
        self._installation = installation
        self._facts: dict[str, tuple[float, Facts]] = {}
        self._images: dict[str, tuple[float, frozenset[str]]] = {}
        self._layers: dict[str, tuple[Layer, ...]] = {}
        self._asking = threading.Lock()
        self._silent: dict[str, float] = {}  # since when a host that had all the time did not answer

    def look(self, host: Host, service: str, environment: str) -> HostSeen:
        patience = self._patience(host)
        try:
            client = self._reach.client(host, patience)
            with speaking(host, "look at its containers"):
                known = self._facts_of(client, host), self._images_of(client, host)
                seen = look(client, host, service, environment, *known, self._installation())
        except RunnerError as error:
            if patience == QUICK:
                self._silent[host.name] = time.monotonic()
            return HostSeen(host.name, reachable=False, error=str(error))
        self._silent.pop(host.name, None)
        return seen

    def pull(self, host: Host, image: str, access: RegistryAccess) -> None:
        try:
            pull(self._reach.client(host, PATIENT), host, image, access, self._installation())
        finally:
            self._images.pop(host.name, None)

    def weight(self, host: Host, image: str, access: RegistryAccess, spare: int = 0) -> int | None:
        if not image.startswith(f"{access.address}/"):
            return None
        with self._asking:  # one host asks for all
            layers = self._layers.get(image) or registry_of(access).layers(image)
            self._layers = {image: layers}  # of a digest they never change; the last one is enough
        whole = sum(layer.size for layer in layers)
        if layers and whole <= spare:
            return whole
        client = self._reach.client(host, USUAL)
        with speaking(host, f"look which layers of {image} are there"):
            return missing_bytes(client, [(layer.id, layer.size) for layer in layers])

    def start(self, host: Host, plan: ReplicaPlan) -> None:
        client = self._reach.client(host, USUAL)
        try:
            with speaking(host, f"start {name_of(host, plan)}"):
                start_replica(client, host, plan, self._installation())
        except Rejected:
            self._images.pop(host.name, None)  # it may be that somebody removed the image
            raise

    def keep(self, host: Host, container: str) -> None:
        client = self._reach.client(host, USUAL)
        with speaking(host, f"set the restart policy of {container[:12]}"):
            if not self._is_ours(client, host, container):
                raise Rejected(f"Host {host.name}: container {container[:12]} is gone. Look again.")
            client.update_container(container, restart_policy=_UNLESS_STOPPED)

    def retire(self, host: Host, container: str, stop_timeout: float) -> None:
        client = self._reach.client(host, USUAL)
        with speaking(host, f"stop {container[:12]}"):
            if self._is_ours(client, host, container):
                _stop_and_remove(client, container, stop_timeout)

    def logs(self, host: Host, container: str, lines: int = 50) -> str:
        client = self._reach.client(host, USUAL)
        with speaking(host, f"read the log of {container[:12]}"):
            try:
                text = bytes(client.logs(container, stdout=True, stderr=True, tail=lines))
            except docker.errors.NotFound:
                return ""
        return tail(text.decode(errors="replace"), _LOG_LENGTH)

    def once(self, host: Host, plan: ReplicaPlan, command: Sequence[str], timeout: float) -> tuple[int, str]:
        client = self._reach.client(host, USUAL)
        with speaking(host, f"run {' '.join(command)!r}"):
            return run_once(client, host, plan, command, timeout, self._installation())

    def prune(self, host: Host, service: str, keep: Sequence[str]) -> None:
        client = self._reach.client(host, USUAL)
        try:
            with speaking(host, f"remove old images of {service}"):
                remove_unused(client, service, keep, self._installation())
        finally:
            self._facts.pop(host.name, None)
            self._images.pop(host.name, None)

    def _patience(self, host: Host) -> int:
        """A dead host must not slow down the looks at all the others."""
        since = self._silent.get(host.name, float("-inf"))
        return BRIEF if time.monotonic() - since < _FULL_PATIENCE_EVERY else QUICK

    def _facts_of(self, client: docker.APIClient, host: Host) -> Facts:
        at, known = self._facts.get(host.name, (float("-inf"), None))
        if known is None or time.monotonic() - at > _FACTS_EVERY:
            known = facts(client, self._reach.lines, host)
            self._facts[host.name] = (time.monotonic(), known)
        return known

    def _images_of(self, client: docker.APIClient, host: Host) -> frozenset[str]:
        at, known = self._images.get(host.name, (float("-inf"), None))
        if known is None or time.monotonic() - at > _IMAGES_EVERY:
            known = digests(client)
            self._images[host.name] = (time.monotonic(), known)
        return known

    def _is_ours(self, client: docker.APIClient, host: Host, container: str) -> bool:
        """False when it is gone. Raises `Rejected` when somebody else made it."""
        try:
            labels = client.inspect_container(container)["Config"]["Labels"] or {}
        except docker.errors.NotFound:
            return False
        if not ours(labels, host, self._installation()):
            raise left_alone(host, container[:12], labels, self._installation())
        return True


def _stop_and_remove(client: docker.APIClient, container: str, stop_timeout: float) -> None:
    try:
        client.stop(
            container, timeout=math.ceil(stop_timeout)
        )  # the SDK waits this long plus its usual patience
    except docker.errors.NotFound:
        return
    remove(client, container)
