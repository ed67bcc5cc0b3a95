"""An operator's machine with a fleet of GitLab runners on the lab's hosts."""

import json
import secrets
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker

from tests.forge.gitlab import FakeGitLab
from tests.forge.gitlab_runners import Job
from tests.parts.house import SHIPWAY
from tests.parts.laboratory import LabHost, Laboratory

STAND_IN = Path(__file__).parents[1] / "forge" / "gitlab_runner_stand_in.py"
UNTIL_TOLD = ["echo begun", "until [ -e /tmp/told ]; do sleep 0.1; done", "echo done"]


class Runners:
    """An operator's machine with a fleet on two hosts."""

    def __init__(self, folder: Path, lab: Laboratory, gitlab: FakeGitLab, image: str) -> None:
        self.folder, self.lab, self.gitlab = folder, lab, gitlab
        self.name = f"ci-{secrets.token_hex(3)}"
        self.hosts = lab.hosts[:2]
        self.fleet: dict[str, Any] = {
            "url": gitlab.url, "token": gitlab.token("create_runner manage_runner read_api"), "scope": "project",
            "id": gitlab.project("acme/shop").id, "hosts": [host.name for host in self.hosts], "tags": ["lab"],
            "runner_image": image, "executor": "shell", "stop_timeout": "60s",
        }  # fmt: skip

    def config(self) -> Path:
        file = self.folder / "shipway.yml"
        hosts = {host.name: {"engine": host.engine, "address": host.address} for host in self.hosts}
        registry = {"address": self.lab.registry, "insecure": True}
        whole = {
            "server": {"data": "data"},
            "registry": registry,
            "hosts": hosts,
            "gitlab_runners": {self.name: self.fleet},
        }
        file.write_text(json.dumps(whole))
        return file

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        command = [str(SHIPWAY), "--config", str(self.config()), "--json", "gitlab", "runners", *words]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *words: str) -> Any:
        with self.begin(*words) as process:
            out, said = process.communicate(timeout=120)
        assert out, said
        return json.loads(out)

    def apply(self) -> Any:
        answer = self.run("apply")
        assert not answer["unknown"], answer
        assert not [change for change in answer["changes"] if change["error"]], answer
        return answer

    def containers(self, host: LabHost) -> list[str]:
        return [found["Id"] for found in self.lab.containers(host.engine, runner=self.name)]

    def places(self) -> list[str]:
        return [text.split(" ")[2] for text in self.gitlab.runners.described()]

    def whole(self) -> bool:
        """One runner on each host that GitLab has heard of, and no other."""
        rows = self.gitlab.runners.rows.values()
        slots = [f"{self.name}/{host.name}/1" for host in self.hosts]
        counts = [len(self.containers(host)) for host in self.hosts]
        return (
            self.places() == sorted(slots) and counts == [1, 1] and all(row["contacted_at"] for row in rows)
        )

    def where(self, job: Job) -> LabHost:
        """The host whose runner has this job."""
        place = self.gitlab.runners.rows[job.runner]["description"].split(" ")[2]
        return next(host for host in self.hosts if host.name == place.split("/")[1])


def wait(done: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


def tell(host: LabHost, container: str) -> None:
    """A job of UNTIL_TOLD may end."""
    client = docker.APIClient(base_url=host.engine, timeout=30)
    try:
        client.exec_start(client.exec_create(container, ["touch", "/tmp/told"])["Id"])
    finally:
        client.close()
