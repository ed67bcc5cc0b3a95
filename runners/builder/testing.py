"""Runs a test container for each command, and the containers they need beside them, on a network of their own.

The code in it is untrusted: no engine socket, no host folder, no new privileges, few capabilities, bounds on memory,
processors, processes and time. Its output streams to the log and is kept nowhere on the engine. Whatever happens,
nothing of it is left. Never judges what an exit code means.
"""

import select
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import docker.errors

from pipeline.delivery.orders import TestOrder
from pipeline.delivery.report import CommandResult, TestOutcome
from pipeline.errors import StageFailed
from pipeline.fleet.host import RegistryAccess
from runners.artifact_store import FileArtifacts
from runners.builder.building import minutes
from runners.builder.coverage import KEPT, find_coverage
from runners.builder.keeping import Keeping
from runners.builder.output import Output
from runners.builder.pulling import present, pull
from runners.builder.readiness import LISTENS, Beside, Onlook, of_service, wait_until_ready
from runners.builder.reports import read_reports
from runners.builder.sweeping import PART, RUN, SERVICE, clear
from runners.builder.talking import GLANCE, Api, Guard
from runners.engines.labels import INSTALLATION

SETUP_TIMEOUT = 900.0
# What an ordinary image needs to change its user and own its files; raw sockets, device nodes and the rest are gone.
CAPABILITIES = (
    *("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP"),
    *("NET_BIND_SERVICE", "SYS_CHROOT", "SETFCAP"),
)
CONFLICT = 409


class Trial:
    """Does one order, once."""

    def __init__(
        self,
        api: Api,
        registry: RegistryAccess,
        order: TestOrder,
        log: Callable[[str], None],
        artifacts: FileArtifacts | None = None,
    ) -> None:
        self._api = api
        self._registry = registry
        self._artifacts = artifacts
        self._order = order
        self._log = log
        self._service = order.labels.get(SERVICE, "")
        self._installation = order.labels.get(INSTALLATION, "")
        self._name = "-".join(part for part in ("shipway", self._service, f"run-{order.run}") if part)

    def run(self, stop: Callable[[], bool]) -> TestOutcome:
        self._clear()
        try:
            late = f"The containers beside the tests were not ready within {minutes(SETUP_TIMEOUT)}."
            with Guard(stop, SETUP_TIMEOUT, late) as guard:
                guard.check()
                self._make_network()
                self._start_services(guard)
            return TestOutcome(tuple(self._run(name, stop) for name in self._order.commands))
        finally:
            self._clear()

    def _clear(self) -> None:
        clear(self._api, self._order.run, self._service, self._installation)

    def _make_network(self) -> None:
        self._api.create_network(
            self._name, driver="bridge", labels=self._labels("network"), check_duplicate=True
        )

    def _start_services(self, guard: Guard) -> None:
        """All of them are started before the first is waited for."""
        started = []
        for name, service in self._order.services.items():
            if not present(self._api, service.image):
                pull(self._api, service.image, self._registry, guard, self._log)
            log = {"type": "json-file", "config": {"max-size": "1m", "max-file": "1"}}
            place = self._create(
                service.image, f"{self._name}-{name}", "service", [name], log, **of_service(service)
            )
            self._start(place, f"The container {name} ({service.image})")
            started.append(Beside(name, place, service, self._onlook(place, name)))
        for beside in started:
            wait_until_ready(self._api, beside, guard, self._log)

    def _onlook(self, container: str, name: str) -> Onlook:
        def onlook(port: int) -> str:
            words = ["-c", LISTENS, "onlooker", f"{port:04X}"]
            made = self._api.create_container(
                self._order.image,
                words,
                entrypoint=["sh"],
                name=f"{self._name}-{name}-onlooker",
                labels=self._labels("onlooker"),
                host_config=self._bounds(f"container:{container}", {"type": "none"}),
            )
            try:
                self._start(made["Id"], "The onlooker")
            except StageFailed:
                return ""
            except docker.errors.APIError as error:
                if (
                    error.status_code == CONFLICT
                ):  # the container ended in this moment, and its network with it
                    return ""
                raise
            return str(made["Id"])

        return onlook

    def _run(self, name: str, stop: Callable[[], bool]) -> CommandResult:
        order, begun = self._order, time.monotonic()
        several = len(order.commands) > 1
        which = f"The tests {name!r}" if name else "The tests"
        late = (
            f"{which} did not end within {minutes(order.timeout)} and were stopped. "
            "Look for one that hangs, or raise test.timeout in .shipway.yml."
        )
        if several:
            self._log(f"\n[shipway] ── {name or 'test'}: {' '.join(order.commands[name])}\n")
        tail = Tail(self._log)
        with Guard(stop, order.timeout, late) as guard:
            container, code = self._follow(name, tail, guard)
        seconds = round(time.monotonic() - begun, 1)
        if several:
            self._log(f"[shipway] {name or 'test'}: exit code {code} after {seconds:.1f} s\n")
        return replace(self._read(name, container, tail), exit_code=code, seconds=seconds)

    def _follow(self, name: str, log: Callable[[str], None], guard: Guard) -> tuple[str, int]:
        """(container, exit code)"""
        order = self._order
        env = {**order.env, **{key: secret.reveal() for key, secret in order.secrets.items()}}
        words, more = order.commands[name], dict[str, Any](environment=env)
        if words:
            more |= {"command": list(words), "entrypoint": [""]}
        called = "-".join(part for part in (self._name, "command" if name else "", name) if part)
        container = self._create(order.image, called, "test", ["test"], {"type": "none"}, **more)
        with Output(self._api, container, log) as output:
            self._start(container, f"The test command {' '.join(words) or '(the image has its own)'}")
            output.follow(guard)
        state = self._end(container, guard)
        if state.get("OOMKilled"):
            self._log(f"[shipway] The tests were killed at their memory limit of {order.memory >> 20} MiB.\n")
        return container, int(state["ExitCode"])

    def _read(self, name: str, container: str, tail: "Tail") -> CommandResult:
        """What it left, besides its exit code."""
        order, log = self._order, self._log
        report = read_reports(self._api, container, order.reports, log) if order.reports else None
        coverage = find_coverage(order.coverage, tail.text, log) if order.coverage else None
        if order.artifacts and self._artifacts:
            Keeping(self._api, self._artifacts, order.run, log).keep(container, name, order.artifacts)
        return CommandResult(
            name,
            0,
            attempts=order.attempt,
            totals=report.totals if report else None,
            cases=report.cases if report else (),
            coverage=coverage,
        )

    def _create(
        self, image: str, name: str, part: str, aliases: list[str], log: Mapping[str, Any], **more: Any
    ) -> str:
        api = self._api
        place = api.create_networking_config({self._name: api.create_endpoint_config(aliases=aliases)})
        made = api.create_container(
            image,
            name=name,
            labels=self._labels(part),
            host_config=self._bounds(self._name, log),
            networking_config=place,
            **more,
        )
        return str(made["Id"])

    def _bounds(self, network: str, log: Mapping[str, Any]) -> Any:
        order = self._order
        return self._api.create_host_config(
            network_mode=network,
            mem_limit=order.memory,
            memswap_limit=order.memory,
            nano_cpus=int(order.cpus * 1e9),
            pids_limit=order.pids,
            cap_drop=["ALL"],
            cap_add=list(CAPABILITIES),
            security_opt=["no-new-privileges"],
            init=True,
            log_config=dict(log),
        )

    def _labels(self, part: str) -> dict[str, str]:
        return {**self._order.labels, RUN: str(self._order.run), PART: part}

    def _start(self, container: str, what: str) -> None:
        try:
            self._api.start(container)
        except docker.errors.APIError as error:
            said = str(error.explanation or error)
            if "OCI runtime" in said or "executable file not found" in said or "runc" in said:
                raise StageFailed(f"{what} cannot be started: {' '.join(said.split())[:400]}.") from error
            raise

    def _end(self, container: str, guard: Guard) -> dict[str, Any]:
        """A program may close its output long before it ends."""
        while True:
            state: dict[str, Any] = self._api.inspect_container(container)["State"]
            if not state["Running"]:
                return state
            guard.check()
            select.select([], [], [], GLANCE)


class Tail:
    """Hands text on to the log and remembers the end of it."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self.text = ""

    def __call__(self, text: str) -> None:
        self._log(text)
        self.text = (self.text + text)[-KEPT:]
