"""One long-lived `ssh -L` per ssh host: a local socket that is the far engine's socket (1.9 ms a call, ssh:// takes 300+).

Made again when it dies, ended with this process. Never asks a question and never trusts a host key it does not know.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import weakref
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.errors import Rejected, Unreachable
from pipeline.fleet.host import Host

FAR_SOCKET = "/var/run/docker.sock"
CONNECT = 10.0
_AGAIN = 2.0  # seconds between two attempts at a host that just failed


class Tunnel:
    """`path()` is a live local socket. Thread-safe; one per process and host."""

    def __init__(self, host: Host) -> None:
        self._name = host.name
        self._words = _ssh_words(host)
        self._far = urlsplit(host.engine).path or FAR_SOCKET
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.mkdtemp(
            prefix="shipway-ssh-"
        )  # kept when ssh is made again: clients hold the path
        self._failed_at = float("-inf")
        self._why = ""
        self._end = weakref.finalize(self, _stop, None, self._folder, os.getpid())

    def path(self) -> str:
        """Raises `Unreachable` with ssh's own words, `Rejected` when the key or the host key is not accepted."""
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                return self._near
            if time.monotonic() - self._failed_at < _AGAIN:
                raise self._complaint()
            self._open()
            return self._near

    def close(self) -> None:
        with self._lock:
            self._end()
            self._process = None

    @property
    def _near(self) -> str:
        return str(Path(self._folder) / "engine.sock")

    def _open(self) -> None:
        self._end.detach()
        said = Path(self._folder) / "ssh.log"
        words = [*self._words[:-1], "-L", f"{self._near}:{self._far}", self._words[-1]]
        self._process = _lasting(words, said)
        self._end = weakref.finalize(self, _stop, self._process, self._folder, os.getpid())
        deadline = time.monotonic() + CONNECT + 2
        while time.monotonic() < deadline and self._process.poll() is None:
            if _answers(self._near):
                return
            time.sleep(0.02)
        self._why = " ".join(said.read_text(errors="replace").split())[-300:] or "no answer in time"
        self._failed_at = time.monotonic()
        _kill(self._process)
        self._process = None
        raise self._complaint()

    def _complaint(self) -> Unreachable | Rejected:
        start = f"Host {self._name}: ssh did not connect: {self._why}."
        if "host key verification failed" in self._why.lower():
            return Rejected(
                f"{start} Its key is not in known_hosts (or changed): compare fingerprints, then add it with ssh-keyscan."
            )
        if "permission denied" in self._why.lower():
            return Rejected(
                f"{start} Allow this machine's key there, or name the right user in the engine address."
            )
        return Unreachable(f"{start} Check that the machine is up and reachable by ssh from here.")


def _ssh_words(host: Host) -> list[str]:
    url = urlsplit(host.engine)
    user, place = url.username or "", url.hostname or ""
    if not place or place.startswith("-") or user.startswith("-") or set(place + user) & set(" '\"\\;%$`"):
        raise Rejected(
            f"Host {host.name}: {host.engine!r} is not an ssh address. Write ssh://user@address[:port]."
        )
    options = [
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "ExitOnForwardFailure=yes",
        "StreamLocalBindUnlink=yes",
        "ServerAliveInterval=5",
        "ServerAliveCountMax=3",
        f"ConnectTimeout={CONNECT:.0f}",
        "ControlMaster=no",
        "ControlPath=none",
    ]
    if host.ssh.known_hosts:
        options.append(f"UserKnownHostsFile={host.ssh.known_hosts}")
    words = ["ssh", "-nNT", *(word for option in options for word in ("-o", option))]
    words += ["-p", str(url.port)] if url.port else []
    words += ["-i", host.ssh.key, "-o", "IdentitiesOnly=yes"] if host.ssh.key else []
    return [*words, f"{user}@{place}" if user else place]


def _lasting(words: list[str], said: Path) -> subprocess.Popen[bytes]:
    """Started by a thread that lives as long as ssh does: the death signal follows the *thread* that forked."""
    started: list[subprocess.Popen[bytes] | OSError] = []
    ready = threading.Event()
    guard = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []

    def keep() -> None:
        try:
            with said.open("wb") as log:
                process = subprocess.Popen(
                    [*guard, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
        except OSError as error:
            started.append(error)
            ready.set()
            return
        started.append(process)
        ready.set()
        process.wait()

    threading.Thread(target=keep, name="ssh forward", daemon=True).start()
    ready.wait()
    if isinstance(started[0], OSError):
        raise Unreachable(f"ssh cannot be started here: {started[0]}. Install openssh-client.") from started[
            0
        ]
    return started[0]


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
        try:
            knock.connect(path)
        except OSError:
            return False
    return True


def _stop(process: subprocess.Popen[bytes] | None, folder: str, owner: int) -> None:
    """Runs at the end of the tunnel or of Python. A forked child must not end its parent's forward."""
    if os.getpid() != owner:
        return
    if process is not None:
        _kill(process)
    shutil.rmtree(folder, ignore_errors=True)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
