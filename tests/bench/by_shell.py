"""Contestant: a deploy script written by hand (deploy.sh), an nginx on each host."""

import subprocess
from pathlib import Path

from tests.bench.contestant import Images, docker
from tests.parts.laboratory import Laboratory

_SCRIPT = Path(__file__).with_name("deploy.sh")


class ByShell:
    name = "shell script, nginx"

    def __init__(self, lab: Laboratory) -> None:
        self._hosts = lab.hosts

    @property
    def fronts(self) -> list[str]:
        return [f"{host.address}:8090" for host in self._hosts]

    def prepare(self, images: Images) -> None:
        for host in self._hosts:
            docker(
                host.engine,
                "run",
                "-d",
                "--name",
                "bench-edge",
                "--label",
                "bench=edge",
                "--network",
                "host",
                images.edge,
            )
        self._deploy(images.v1, 0)

    def forward(self, images: Images) -> None:
        self._deploy(images.v2, 0)

    def fail(self, images: Images) -> None:
        self._deploy(images.bad, 2)

    def back(self, images: Images) -> None:
        self._deploy(images.v1, 0)

    def clean(self) -> None:
        for host in self._hosts:
            ids = docker(host.engine, "ps", "-aq", "--filter", "label=bench").split()
            if ids:
                docker(host.engine, "rm", "-f", *ids)

    def _deploy(self, image: str, code: int) -> None:
        words = [str(_SCRIPT), image, *(host.address for host in self._hosts)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == code, f"deploy.sh {image} ended with {done.returncode}: {done.stderr}"
