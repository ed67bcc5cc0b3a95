"""A door, agents that dial it, and engines for them: what the tests of the dial-out agent put together. All on addresses of
this machine; certificates by the lab's own authority."""

import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from runners.agents.hub import Hub
from runners.agents.program import program
from runners.agents.record import AgentFolder
from tests.lab.certificates import authority, signed

HEAD = b"\r\n\r\n"


class Keys:
    """An authority, the door's certificate for these addresses, and one for each agent that is asked for."""

    def __init__(self, folder: Path, address: str = "127.0.0.1") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        authority(folder)
        signed(folder, "door", f"subjectAltName=IP:{address}\nextendedKeyUsage=serverAuth\n")

    def agent(self, name: str) -> dict[str, str]:
        """Made anew each time: a renewal."""
        signed(self.folder, name, "extendedKeyUsage=clientAuth\n", common_name=name)
        return {
            "SHIPWAY_AGENT_CA": str(self.folder / "ca.pem"),
            "SHIPWAY_AGENT_CERT": str(self.folder / f"{name}-cert.pem"),
            "SHIPWAY_AGENT_KEY": str(self.folder / f"{name}-key.pem"),
        }


class Door:
    """A TLS listener that gives agents to a hub, and remembers which certificates came. `close` and `open` restart it."""

    def __init__(self, keys: Keys, data: Path, address: str = "127.0.0.1", quiet: float = 10.0) -> None:
        self.keys, self.data, self.address, self.quiet = keys, data, address, quiet
        self.port = 0
        self.serials: list[str] = []
        self.refused: list[str] = []
        self.open()

    @property
    def place(self) -> str:
        return f"{self.address}:{self.port}"

    def open(self) -> None:
        self.hub = Hub(str(self.data), self.quiet)
        self.hub.start()
        self._listener = socket.create_server((self.address, self.port))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, args=(self._listener,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        self.hub.close()

    def path(self, name: str = "web-9") -> Path:
        return AgentFolder(str(self.data)).socket(name)

    def connected(self, name: str = "web-9", seconds: float = 10.0) -> Path:
        until(lambda: self.path(name).exists(), seconds, f"{name} never connected")
        return self.path(name)

    def away(self, name: str = "web-9", seconds: float = 10.0) -> None:
        until(lambda: not self.path(name).exists(), seconds, f"{name} stays connected")

    def _run(self, listener: socket.socket) -> None:
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            try:
                self._greet(raw)
            except (OSError, ValueError) as error:
                self.refused.append(str(error))
                raw.close()

    def _greet(self, raw: socket.socket) -> None:
        raw.settimeout(5)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(self.keys.folder / "door-cert.pem", self.keys.folder / "door-key.pem")
        context.load_verify_locations(self.keys.folder / "ca.pem")
        line = context.wrap_socket(raw, server_side=True)
        said = b""
        while HEAD not in said:
            said += line.recv(4096) or HEAD
        if not said.startswith(b"GET /agent "):
            raise ValueError(f"asked for {said[:40]!r}")
        line.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        known = line.getpeercert() or {}
        self.serials.append(str(known["serialNumber"]))
        self.hub.take(line, dict(pair[0] for pair in known["subject"])["commonName"])


class AgentProcess:
    """The program as a host runs it: one file, an interpreter without site, an environment of its own."""

    def __init__(
        self,
        folder: Path,
        door: str,
        keys: dict[str, str],
        engine: Path,
        inside: Sequence[str] = (),
        quiet: float = 10.0,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.log = folder, folder / "agent.log"
        (folder / "agent.py").write_text(program())
        self.environment = {
            "PATH": os.environ["PATH"],
            "SHIPWAY_AGENT_CONTROLLERS": door,
            "SHIPWAY_AGENT_ENGINE": str(engine),
            "SHIPWAY_AGENT_FENCES": str(folder / "fences"),
            "SHIPWAY_AGENT_QUIET": str(quiet),
            **keys,
        }
        self._inside = tuple(inside)
        self.start()

    def start(self) -> None:
        words = [*self._inside, sys.executable, "-I", "-S", str(self.folder / "agent.py")]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(words, stderr=log, env=self.environment, cwd="/")

    def stop(self, kill: bool = False) -> None:
        if self.process.poll() is None:
            (self.process.kill if kill else self.process.terminate)()
        self.process.wait()

    def said(self, words: str, seconds: float = 10.0) -> None:
        until(lambda: words in self.log.read_text(), seconds, f"the agent never said {words!r}")


class Engine:
    """A unix socket where `answer` gets each connection, in a thread of its own."""

    def __init__(self, path: Path, answer: Callable[[socket.socket], None]) -> None:
        self.path, self._answer = path, answer
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(128)
        self._threads: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.path.unlink(missing_ok=True)
        self._thread.join()
        for thread in self._threads:
            thread.join(5)

    def _run(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=(line,), daemon=True))
            self._threads[-1].start()

    def _serve(self, line: socket.socket) -> None:
        with line, suppress(OSError):
            self._answer(line)


def echo(line: socket.socket) -> None:
    """Says what it hears, and ends when the other side has."""
    while piece := line.recv(65536):
        line.sendall(piece)


def call(path: Path, timeout: float = 10.0) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(timeout)
    try:
        line.connect(str(path))
    except OSError:
        line.close()
        raise
    return line


def everything(line: socket.socket) -> bytes:
    """Until its end."""
    said = bytearray()
    while piece := line.recv(65536):
        said += piece
    return bytes(said)


def until(so: Callable[[], bool], seconds: float, else_say: str) -> None:
    deadline = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < deadline, else_say
        time.sleep(0.01)
