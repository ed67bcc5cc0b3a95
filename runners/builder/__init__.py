"""The engine that builds, tests and publishes: port `Builder` over the Docker API.

`building` makes images, `testing` runs them, `publishing` pushes them, `sweeping` removes what is left. The engine is
reached like a host's. Containers and networks of ours carry the labels `shipway.run` and `shipway.part`; nothing
without both is ever removed. All we make carries our installation's id, and another's is left alone. Never decides what
to build or whether to try again.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from pipeline.delivery.findings import Finding, ScanOrder
from pipeline.delivery.orders import BuildOrder, ImageFacts, TestOrder
from pipeline.delivery.report import TestOutcome
from pipeline.errors import Rejected
from pipeline.fleet.host import Host, RegistryAccess
from pipeline.settings import BuilderSettings
from runners.artifact_store import FileArtifacts
from runners.builder.bases import here, there
from runners.builder.building import Build
from runners.builder.publishing import push
from runners.builder.scanning import scan
from runners.builder.sweeping import sweep, trim_cache
from runners.builder.testing import Trial
from runners.engine_errors import speaking
from runners.engines.disk import free_bytes
from runners.engines.labels import mark
from runners.reach import PATIENT, Reach
from runners.registries import registry_of

Log = Callable[[str], None]


class EngineBuilder:
    """`registry`: where bases may also come from. `buildkit` None: when the engine has it. `artifacts` None: the files of
    tests are not kept. `installation`: the id of this Shipway, empty: none."""

    def __init__(
        self,
        settings: BuilderSettings,
        registry: RegistryAccess | None = None,
        reach: Reach | None = None,
        buildkit: bool | None = None,
        artifacts: FileArtifacts | None = None,
        installation: Callable[[], str] = lambda: "",
    ) -> None:
        self._host = Host("builder", settings.engine, "127.0.0.1")
        self._registry = registry or RegistryAccess("")
        self._reach = reach or Reach()
        self._shared = reach is not None
        self._buildkit = buildkit
        self._artifacts = artifacts
        self._installation = installation

    def build(self, order: BuildOrder, log: Log, stop: Callable[[], bool]) -> str:
        with speaking(self._host, f"build {order.tag}"):
            api = self._reach.client(self._host, PATIENT)
            buildkit = has_buildkit(api.version()) if self._buildkit is None else self._buildkit
            order = replace(order, labels={**order.labels, **mark(self._installation())})
            return Build(api, self._host, self._registry, order, log).run(buildkit, stop)

    def base_here(self, image: str) -> str:
        with speaking(self._host, f"look at {image}"):
            return here(self._reach.client(self._host, PATIENT), image)

    def base_there(self, image: str, access: RegistryAccess) -> str:
        with speaking(self._host, f"ask what {image} is now"):
            return there(self._reach.client(self._host, PATIENT), image, access)

    def test(self, order: TestOrder, log: Log, stop: Callable[[], bool]) -> TestOutcome:
        with speaking(self._host, f"test {order.image}"):
            api = self._reach.client(self._host, PATIENT)
            order = replace(order, labels={**order.labels, **mark(self._installation())})
            return Trial(api, self._registry, order, log, self._artifacts).run(stop)

    def scan(self, order: ScanOrder, log: Log, stop: Callable[[], bool]) -> Sequence[Finding]:
        with speaking(self._host, f"give {order.tag} for its scan"):
            api = self._reach.client(self._host, PATIENT)
            return scan(api, order, self._artifacts, log, stop)

    def facts(self, tag: str) -> ImageFacts:
        api: Any = self._reach.client(self._host, PATIENT)
        with speaking(self._host, f"look at {tag}"):
            found = api.images(name=tag, quiet=True)
            if not found:
                raise Rejected(f"The builder's engine has no image {tag}.")
            config: dict[str, Any] = api.inspect_image(tag)["Config"] or {}
        return facts_of(config)

    def free_bytes(self) -> int | None:
        with speaking(self._host, "ask for its disk"):
            api = self._reach.client(self._host, PATIENT)
            root = str(api.info().get("DockerRootDir", ""))
        return free_bytes(api, self._reach.lines, self._host, root)

    def drop_cache(self) -> None:
        with speaking(self._host, "remove the build cache"):
            trim_cache(self._reach.client(self._host, PATIENT), 0)

    def publish(
        self, tag: str, repository: str, access: RegistryAccess, log: Log, stop: Callable[[], bool]
    ) -> str:
        with speaking(self._host, f"push {tag}"):
            api = self._reach.client(self._host, PATIENT)
            return push(api, tag, repository, access, log, stop)

    def published(self, image: str, access: RegistryAccess) -> bool:
        return registry_of(access).has(image)

    def clean(self, run_id: int, service: str = "", keep: Collection[int] | None = None) -> None:
        with speaking(self._host, f"clean up after run {run_id}"):
            api = self._reach.client(self._host, PATIENT)
            sweep(api, run_id, service, keep, self._installation())

    def close(self) -> None:
        if not self._shared:
            self._reach.close()


def has_buildkit(version: dict[str, Any]) -> bool:
    """Docker on Linux since API 1.39; other engines that speak this API build the classic way."""
    names = [str(part.get("Name", "")) for part in version.get("Components") or []]
    numbers = [int(part) for part in str(version.get("ApiVersion", "0")).split(".") if part.isdigit()]
    return version.get("Os") == "linux" and numbers >= [1, 39] and not any("Podman" in name for name in names)


def facts_of(config: dict[str, Any]) -> ImageFacts:
    check = (config.get("Healthcheck") or {}).get("Test") or ["NONE"]
    exposed = [name.partition("/") for name in config.get("ExposedPorts") or {}]
    ports = sorted(int(port) for port, _, protocol in exposed if protocol in ("", "tcp") and port.isdigit())
    return ImageFacts(healthcheck=check[0] != "NONE", ports=tuple(ports))
