"""Shipway on two machines, as far as one machine can be two: two data folders, a PostgreSQL, a Redis with a password, and an
HAProxy as the one address in front of both servers.

    with control_plane(folder, one, two) as plane: plane.start(); plane.entry.get("/services")

`one` and `two` are Houses that were not started; `entry` is a House whose port is the front's.
"""

import copy
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.parts.house import SHIPWAY, House, free_port
from tests.runners.store import cluster

FRONT = """\
global
    maxconn 2000
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    option http-buffer-request
    option redispatch
    retries 3
    retry-on conn-failure empty-response
frontend shipway
    bind 127.0.0.1:{front}
    default_backend servers
backend servers
    option httpchk GET /readyz?only=database
    http-check expect status 200
    http-error status 503 content-type text/plain string "No Shipway server can store anything now." hdr Retry-After 5
    default-server check inter 500ms fall 2 rise 1
    server one 127.0.0.1:{one}
    server two 127.0.0.1:{two}
"""


class Postgres:
    """One that may be away for a while."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="shipway-pg-"))
        self._programs = cluster.binaries()
        self._server = ExitStack()
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.home, owner.pw_uid, owner.pw_gid)
        words = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "-N")
        cluster._run(self._programs / "initdb", "-D", self.home / "data", *words)

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://postgres@/postgres?host={self.home}"

    def start(self) -> None:
        self._server.enter_context(cluster._serving(self._programs, self.home))

    def stop(self) -> None:
        self._server.close()

    def query(self, text: str) -> str:
        words = [self._programs / "psql", "-h", self.home, "-U", "postgres", "-AtqX", "-c", text]
        return subprocess.run(words, capture_output=True, text=True, timeout=30, check=True).stdout.strip()


class Redis:
    """One with a password, that may be away for a while and forgets everything then."""

    def __init__(self, folder: Path) -> None:
        self.port, self.password = free_port(), secrets.token_hex(8)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        words = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        words += ["--dir", str(self._folder), "--requirepass", self.password]
        self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(10)
            self._process = None


class Plane:
    def __init__(self, folder: Path, one: House, two: House) -> None:
        self.postgres, self.redis = Postgres(), Redis(folder / "redis")
        self.one, self.two = one, two
        self.front = free_port()
        self.entry = House(folder / "entry", one.lab, folder / "nowhere", service=one.service)
        self._folder = folder
        self._haproxy: subprocess.Popen[bytes] | None = None
        self._join()

    @property
    def houses(self) -> tuple[House, House]:
        return self.one, self.two

    def _join(self) -> None:
        """The same file on both, but for where each listens."""
        one, two, entry = self.one, self.two, self.entry
        shared = {"database": self.postgres.url, "redis": self.redis.url}
        one.config["server"] |= {"url": f"http://127.0.0.1:{self.front}", **shared}
        two.service, two.secret, two.listen = one.service, one.secret, one.listen
        mine = {"listen": two.config["server"]["listen"]}
        two.config = copy.deepcopy(one.config)
        two.config["server"] |= mine
        entry.secret, entry.listen, entry.config = one.secret, one.listen, one.config
        entry.port = self.front

    def start(self) -> "Plane":
        """All of it, and one token that is good everywhere."""
        self.postgres.start()
        self.redis.start()
        self.one.start(90)
        self.hand_over_the_key()
        self.two.token = self.entry.token = self.one.token
        self.two.start(90)
        self._start_haproxy()
        self.entry.until("the front answers", self._answers, 60)
        return self

    def hand_over_the_key(self) -> None:
        """As docs/control-plane.md has it."""
        keys = self.two.folder / "data" / "keys"
        keys.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copy(self.one.folder / "data" / "keys" / "seal.key", keys / "seal.key")

    def refused(self, *words: str) -> str:
        """What the second machine says when it is not let in."""
        self.two.write()
        words = (str(SHIPWAY), "--config", str(self.two.file), *(words or ("up",)))
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=60, cwd=self.two.folder, check=False
        )
        assert done.returncode not in (0, None), done
        return done.stderr

    def pids(self, house: House) -> list[int]:
        """Server, scheduler and workers of a machine, as they run now."""
        parts = ("server", "scheduler", "deliver-1", "deliver-2", "deploy-1", "deploy-2")
        return [house.pid(part) for part in parts]

    def stop(self) -> None:
        """Whatever does not end as it should, the others do."""
        with ExitStack() as ends:
            ends.callback(shutil.rmtree, self.postgres.home, ignore_errors=True)
            ends.callback(self.postgres.stop)
            ends.callback(self.redis.stop)
            if self._haproxy:
                ends.callback(self._haproxy.wait, 10)
                ends.callback(self._haproxy.kill)
            for house in self.houses:
                if house.process:
                    ends.callback(house.kill)

    def _answers(self) -> bool:
        try:
            return self.entry.call("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def _start_haproxy(self) -> None:
        file = self._folder / "haproxy.cfg"
        file.write_text(FRONT.format(front=self.front, one=self.one.port, two=self.two.port))
        self._haproxy = subprocess.Popen(["haproxy", "-db", "-f", str(file)], stdin=subprocess.DEVNULL)


@contextmanager
def control_plane(folder: Path, one: House, two: House) -> Iterator[Plane]:
    """Whatever happens inside, all of it ends."""
    plane = Plane(folder, one, two)
    try:
        yield plane
    finally:
        plane.stop()
        one.sweep()


def killed(pid: int) -> None:
    """kill -9; it may have ended in this very moment."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


class Follower:
    """Server-sent events of one connection, by hand: id and text of each."""

    def __init__(self, port: int, path: str, token: str, last: str = "") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        resume = f"Last-Event-ID: {last}\r\n" if last else ""
        head = f"GET {path} HTTP/1.0\r\nHost: shipway\r\nAuthorization: Bearer {token}\r\n{resume}\r\n"
        self._socket.sendall(head.encode())
        self._file = self._socket.makefile("rb")
        self.text, self.last, self.over = "", last, False

    def read(self, seconds: float, enough: int = 1 << 30) -> str:
        """What comes within the time, or until so many characters were read."""
        until = time.monotonic() + seconds
        kind, number, lines = "", "", []
        while time.monotonic() < until and len(self.text) < enough and not self.over:
            self._socket.settimeout(max(0.01, until - time.monotonic()))
            try:
                line = self._file.readline().decode()
            except (TimeoutError, OSError):
                break
            if not line:
                break
            name, _, value = line.rstrip("\n").partition(": ")
            if name == "event":
                kind = value
            elif name == "id":
                number = value
            elif name.startswith("data"):
                lines.append(value)
            elif not line.strip() and number:
                self.over = kind == "end"
                self.text += "" if kind else "\n".join(lines)
                self.last = number
                kind, number, lines = "", "", []
        return self.text

    def close(self) -> None:
        self._socket.close()
