"""A real docker-registry that wants a user name and a password of everybody. `admitted`: requests that had them."""

import ctypes
import ctypes.util
import http.client
import json
import socket
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class GuardedRegistry:
    address: str
    log: Path

    def status(self, login: str = "") -> int:
        connection = http.client.HTTPConnection(self.address, timeout=5)
        proof = {"Authorization": f"Basic {b64encode(login.encode()).decode()}"} if login else {}
        try:
            connection.request("GET", "/v2/", headers=proof)
            return connection.getresponse().status
        finally:
            connection.close()

    def admitted(self, method: str, part: str) -> list[str]:
        """Lines of its access log with this in them and an answer that is no refusal."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if f'"{method} ' in line and part in line and '" 401 ' not in line]


@contextmanager
def guarded_registry(folder: Path, host: str, username: str, password: str) -> Iterator[GuardedRegistry]:
    folder.mkdir(parents=True)
    port = _free_port(host)
    found = GuardedRegistry(f"{host}:{port}", folder / "log")
    (folder / "htpasswd").write_text(f"{username}:{_bcrypt(password)}\n")
    config = {
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": {"addr": found.address},
        "auth": {"htpasswd": {"realm": "guarded", "path": str(folder / "htpasswd")}},
    }
    (folder / "config.yml").write_text(json.dumps(config))
    with found.log.open("ab") as log:
        words = ["docker-registry", "serve", str(folder / "config.yml")]
        child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _wait(found)
        yield found
    finally:
        child.terminate()
        child.wait(10)


def _bcrypt(password: str) -> str:
    """The one form of password that docker-registry reads; libcrypt knows it."""
    crypt = ctypes.CDLL(ctypes.util.find_library("crypt") or "libcrypt.so.1").crypt
    crypt.restype, crypt.argtypes = ctypes.c_char_p, [ctypes.c_char_p, ctypes.c_char_p]
    hashed: bytes | None = crypt(password.encode(), b"$2b$05$abcdefghijklmnopqrstuu")
    assert hashed is not None
    assert hashed.startswith(b"$2b$")
    return hashed.decode()


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _wait(registry: GuardedRegistry) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            assert registry.status() == 401
        except OSError:
            assert time.monotonic() < deadline, registry.log.read_text()
            time.sleep(0.05)
        else:
            return
