"""Contestant: a deploy script written by hand (deploy.sh), an nginx on each host."""

import os
import subprocess
from pathlib import Path

from tests.bench.contestant import PATIENCE, Images
from tests.bench.edge import clean, prepare
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
        prepare(self._hosts, images)
        self._deploy(images.v1, 0)

    def forward(self, images: Images) -> None:
        self._deploy(images.v2, 0)

    def fail(self, images: Images) -> None:
        self._deploy(images.sick, 2)

    def back(self, images: Images) -> None:
        self._deploy(images.v1, 0)

    def clean(self) -> None:
        clean(self._hosts)

    def _deploy(self, image: str, code: int) -> None:
        words = [str(_SCRIPT), image, *(host.address for host in self._hosts)]
        env = os.environ | {"PATIENCE": str(PATIENCE)}
        done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False, env=env)
        assert done.returncode == code, f"deploy.sh {image} ended with {done.returncode}: {done.stderr}"
