"""Contestants of the intake: Shipway's server, adnanh/webhook and Buildbot's GitLab hook, each as it is shipped, on loopback."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.hook_body import PROJECT, SECRET
from tests.bench.idle import _cpu, _family
from tests.lab.commands import LabError
from tests.parts.house import SHIPWAY, free_port

BUILDBOT = Path("/var/tmp/shipway-bench-buildbot")
PACKAGES = ("buildbot", "buildbot-www")
MASTER = """
from buildbot.plugins import *
c = BuildmasterConfig = {{}}
c["workers"] = [worker.Worker("w", "p")]
c["protocols"] = {{"pb": {{"port": "tcp:{other}:interface=127.0.0.1"}}}}
factory = util.BuildFactory([steps.ShellCommand(command=["true"])])
c["builders"] = [util.BuilderConfig(name="b", workernames=["w"], factory=factory)]
main = util.ChangeFilter(branch="main")
c["schedulers"] = [schedulers.SingleBranchScheduler(name="s", change_filter=main, treeStableTimer=600, builderNames=["b"])]
c["db"] = {{"db_url": "sqlite:///state.sqlite"}}
c["www"] = dict(port="tcp:{port}:interface=127.0.0.1", change_hook_dialects={{"gitlab": {{"secret": "{secret}"}}}})
c["buildbotNetUsageData"] = None
"""


@dataclass
class Receiver:
    """A server that takes webhooks at `path`."""

    name: str
    path: str
    folder: Path
    port: int = field(default_factory=free_port)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *words: str, port: int = 0, seconds: float = 60, **environ: str) -> None:
        """The program, and wait until it listens."""
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=os.environ | environ,
                start_new_session=True,
            )
        self.processes.append(process)
        until = time.monotonic() + seconds
        while not listens(port or self.port):
            if process.poll() is not None or time.monotonic() > until:
                raise LabError(f"{self.name} does not listen; its log is {self.folder / 'log'}")
            time.sleep(0.05)

    def cpu(self) -> float:
        """Seconds, with those of all that it started."""
        spent = 0.0
        for process in self.processes:
            for pid in _family(process.pid):
                with suppress(FileNotFoundError, ProcessLookupError):  # it ended; its parent counts it
                    spent += _cpu(pid)
        return spent

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        self.processes.clear()


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def shipway_server(folder: Path) -> Receiver:
    """`shipway serve` over SQLite, synced to disk before each answer, and a Redis beside it. No workers."""
    receiver, redis = Receiver("Shipway", "/hooks/gitlab", folder), free_port()
    receiver.start("redis-server", "--port", str(redis), "--bind", "127.0.0.1", "--save", "", port=redis)
    file = written(folder, receiver.port, redis=f"redis://127.0.0.1:{redis}/0")
    receiver.start(str(SHIPWAY), "--config", str(file), "serve")
    return receiver


def bare(folder: Path) -> Receiver:
    """No contestant: the ceiling of a Python server, and of this load. It checks nothing and keeps nothing."""
    receiver = Receiver("uvloop alone", "/hooks/gitlab", folder)
    words = (sys.executable, str(Path(__file__).with_name("bare_server.py")), str(receiver.port))
    receiver.start(*words)
    return receiver


def shipway_up(folder: Path) -> Receiver:
    """All of it: server, scheduler, workers and a Redis of its own."""
    receiver = Receiver("Shipway", "/hooks/gitlab", folder)
    file = written(folder, receiver.port)
    receiver.start(str(SHIPWAY), "--config", str(file), "up")
    return receiver


def part_of(receiver: Receiver, name: str) -> int:
    """The pid of a part of `shipway up`: of the last process that was started under this name."""
    log = (receiver.folder / "log").read_text(errors="replace")
    return int(re.findall(rf"process started child={name} pid=(\d+)", log)[-1])


def written(folder: Path, port: int, redis: str = "") -> Path:
    """shipway.yml with one service. Nothing answers where its code is said to be: its runs fail at once."""
    nowhere = str(folder / "nowhere.git")
    shop = {"url": nowhere, "forge": "gitlab", "project": PROJECT, "secret": SECRET, "poll": "off"}
    config: dict[str, Any] = {
        "server": {"url": f"http://127.0.0.1:{port}", "listen": f"127.0.0.1:{port}", "redis": redis},
        "hosts": {"web-1": {"engine": "tcp://127.0.0.1:1", "address": "127.0.0.1"}},
        "services": {
            "shop": {
                "repository": shop,
                "environments": {"production": {"branches": ["main"], "hosts": ["web-1"]}},
            }
        },
    }
    file = folder / "shipway.yml"
    file.write_text(json.dumps(config))
    return file


def webhook(folder: Path) -> Receiver:
    """It keeps nothing; for each webhook it checks token and branch and runs a command, here the cheapest there is. As it
    is shipped it answers first and runs the command later."""
    return _webhook(Receiver("adnanh/webhook", "/hooks/gitlab", folder), waits=False)


def webhook_waiting(folder: Path) -> Receiver:
    """The same, told to answer when its command has ended."""
    return _webhook(Receiver("… that waits", "/hooks/gitlab", folder), waits=True)


def _webhook(receiver: Receiver, waits: bool) -> Receiver:
    token = {"source": "header", "name": "X-Gitlab-Token"}
    branch = {"source": "payload", "name": "ref"}
    rules = [
        {"match": {"type": "value", "value": SECRET, "parameter": token}},
        {"match": {"type": "value", "value": "refs/heads/main", "parameter": branch}},
    ]
    hook = {"id": "gitlab", "execute-command": "/bin/true", "trigger-rule": {"and": rules}}
    hook["include-command-output-in-response"] = waits
    hook["pass-arguments-to-command"] = [{"source": "payload", "name": "checkout_sha"}, branch]
    (receiver.folder / "hooks.json").write_text(json.dumps([hook]))
    receiver.start("webhook", "-hooks", "hooks.json", "-ip", "127.0.0.1", "-port", str(receiver.port))
    return receiver


def buildbot(folder: Path) -> Receiver:
    """Its change hook over SQLite: each commit of a push becomes a change in its database."""
    receiver = Receiver("Buildbot", "/change_hook/gitlab", folder)
    command = str(_installed() / "bin" / "buildbot")
    subprocess.run(
        [command, "create-master", "-q", "."], cwd=folder, check=True, capture_output=True, timeout=120
    )
    text = MASTER.format(other=free_port(), port=receiver.port, secret=SECRET)
    (folder / "master.cfg").write_text(text)
    receiver.start(command, "start", "--nodaemon", ".", seconds=90)
    return receiver


def _installed() -> Path:
    """A virtual environment of its own, kept from one bench to the next."""
    if not (BUILDBOT / "bin" / "buildbot").exists():
        subprocess.run([sys.executable, "-m", "venv", str(BUILDBOT)], check=True, timeout=120)
        words = [str(BUILDBOT / "bin" / "pip"), "-q", "install", *PACKAGES]
        done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode:
            raise LabError(f"pip cannot get {' and '.join(PACKAGES)}: {done.stderr[-300:]}")
    return BUILDBOT


def numbers(begin: int = 1) -> Iterator[int]:
    while True:
        yield begin
        begin += 1
