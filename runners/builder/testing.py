"""Runs one test container, and the containers it needs beside it, on a network of their own.

The code in it is untrusted: no engine socket, no host folder, no new privileges, few capabilities, bounds on memory,
processors, processes and time. Its output streams to the log and is kept nowhere on the engine. Whatever happens,
nothing of it is left. Never judges what an exit code means.
"""

import codecs
import select
import struct
from collections.abc import Callable, Mapping
from typing import Any

import docker.errors

from pipeline.delivery.orders import TestOrder, TestOutcome
from pipeline.errors import StageFailed
from pipeline.fleet.host import RegistryAccess
from runners.builder.building import minutes
from runners.builder.pulling import present, pull
from runners.builder.readiness import LISTENS, Onlook, wait_until_ready
from runners.builder.reports import summary_of
from runners.builder.sweeping import PART, RUN, SERVICE, clear
from runners.builder.talking import GLANCE, Api, Guard, plain_socket

SETUP_TIMEOUT = 900.0
# What an ordinary image needs to change its user and own its files; raw sockets, device nodes and the rest are gone.
CAPABILITIES = (
    *("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP"),
    *("NET_BIND_SERVICE", "SYS_CHROOT", "SETFCAP"),
)
CONFLICT = 409
PIECE = 64 << 10
FRAME = struct.Struct(">BxxxL")  # stream, size


class Trial:
    """Does one order, once."""

    def __init__(
        self,
        api: Api,
        registry: RegistryAccess,
        order: TestOrder,
        log: Callable[[str], None],
    ) -> None:
        self._api = api
        self._registry = registry
        self._order = order
        self._log = log
        self._service = order.labels.get(SERVICE, "")
        self._name = "-".join(part for part in ("shipway", self._service, f"run-{order.run}") if part)

    def run(self, stop: Callable[[], bool]) -> TestOutcome:
        clear(self._api, self._order.run, self._service)
        try:
            late = f"The containers beside the tests were not ready within {minutes(SETUP_TIMEOUT)}."
            with Guard(stop, SETUP_TIMEOUT, late) as guard:
                guard.check()
                self._make_network()
                self._start_services(guard)
            late = (
                f"The tests did not end within {minutes(self._order.timeout)} and were stopped. "
                "Look for one that hangs, or raise test.timeout in .shipway.yml."
            )
            with Guard(stop, self._order.timeout, late) as guard:
                return self._run_tests(guard)
        finally:
            clear(self._api, self._order.run, self._service)

    def _make_network(self) -> None:
        self._api.create_network(
            self._name, driver="bridge", labels=self._labels("network"), check_duplicate=True
        )

    def _start_services(self, guard: Guard) -> None:
        started = []
        for name, image in self._order.services.items():
            if not present(self._api, image):
                pull(self._api, image, self._registry, guard, self._log)
            log = {"type": "json-file", "config": {"max-size": "1m", "max-file": "1"}}
            container = self._create(image, f"{self._name}-{name}", "service", [name], log)
            self._start(container, f"The container {name} ({image})")
            started.append((name, container))
        for name, container in started:
            wait_until_ready(self._api, container, name, self._onlook(container, name), guard, self._log)

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

    def _run_tests(self, guard: Guard) -> TestOutcome:
        order = self._order
        env = {**order.env, **{name: secret.reveal() for name, secret in order.secrets.items()}}
        words: dict[str, Any] = {"environment": env}
        if order.command:
            words |= {"command": list(order.command), "entrypoint": [""]}
        container = self._create(order.image, self._name, "test", ["test"], {"type": "none"}, **words)
        with self._output(container) as output:
            self._start(container, f"The test command {' '.join(order.command) or '(the image has its own)'}")
            output.follow(guard)
        state = self._end(container, guard)
        if state.get("OOMKilled"):
            self._log(f"[shipway] The tests were killed at their memory limit of {order.memory >> 20} MiB.\n")
        summary = summary_of(self._api, container, order.reports, self._log) if order.reports else ""
        return TestOutcome(int(state["ExitCode"]), summary)

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

    def _output(self, container: str) -> "Output":
        wire = self._api.attach_socket(container, params={"stdout": 1, "stderr": 1, "stream": 1})
        return Output(wire, self._log)

    def _end(self, container: str, guard: Guard) -> dict[str, Any]:
        """A program may close its output long before it ends."""
        while True:
            state: dict[str, Any] = self._api.inspect_container(container)["State"]
            if not state["Running"]:
                return state
            guard.check()
            select.select([], [], [], GLANCE)


class Output:
    """What a container writes, as frames on an attached connection."""

    def __init__(self, wire: Any, log: Callable[[str], None]) -> None:
        self._wire = wire
        self._socket = plain_socket(wire)
        self._log = log
        self._buffer = bytearray()
        self._decoders = {n: codecs.getincrementaldecoder("utf-8")("replace") for n in (0, 1, 2)}

    def __enter__(self) -> "Output":
        return self

    def __exit__(self, *_: object) -> None:
        # The SDK keeps the response there, and that owns the connection.
        response = getattr(self._wire, "_response", None)
        (response or self._wire).close()
        self._socket.close()

    def follow(self, guard: Guard) -> None:
        """To the end of the output."""
        while True:
            guard.check()
            ready, _, _ = select.select([self._socket], [], [], GLANCE)
            if not ready:
                continue
            piece = self._socket.recv(PIECE)
            if not piece:
                return
            self._buffer += piece
            self._log_frames()

    def _log_frames(self) -> None:
        at, text = 0, []
        while len(self._buffer) - at >= FRAME.size:
            stream, size = FRAME.unpack_from(self._buffer, at)
            if len(self._buffer) - at - FRAME.size < size:
                break
            at += FRAME.size
            text.append(
                self._decoders.get(stream, self._decoders[1]).decode(bytes(self._buffer[at : at + size]))
            )
            at += size
        del self._buffer[:at]
        if text:
            self._log("".join(text))
