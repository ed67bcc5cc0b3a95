"""What takes part: brings images onto three hosts × 2 replicas and back. Knows nothing of load or time."""

import os
import subprocess
from dataclasses import dataclass
from typing import Protocol

REPLICAS = 2
# the health check of all: GET /healthz, well at the first good answer, unwell after some bad ones in a row
INTERVAL = 1  # seconds
TIMEOUT = 2  # seconds
FALL = 3
PATIENCE = 10  # seconds that a container has from its start to get well


@dataclass(frozen=True)
class Images:
    """The sample service in the lab's registry, by digest. `sick` gets well on two hosts, on the third it does not."""

    v1: str
    v2: str
    sick: str
    edge: str  # nginx with the configuration that the hand-made contestants need


class Contestant(Protocol):
    """`forward` and `back` return when all replicas are new and the old ones gone; `fail` when all is as before."""

    name: str

    def prepare(self, images: Images) -> None:
        """Everything up, v1 live."""

    @property
    def fronts(self) -> list[str]:
        """host:port where users come in, one each host."""

    def forward(self, images: Images) -> None:
        """v1 -> v2."""

    def fail(self, images: Images) -> None:
        """Try the sick image; return when v2 is all there is again."""

    def back(self, images: Images) -> None:
        """A person wants v1 again."""

    def clean(self) -> None:
        """Leave nothing."""


def docker(engine: str, *words: str, timeout: float = 300, check: bool = True) -> str:
    """The docker command against one engine, as people type it."""
    done = subprocess.run(
        ["docker", "-H", engine, *words],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=os.environ | {"DOCKER_BUILDKIT": "0"},
    )
    if check and done.returncode:
        raise AssertionError(f"docker {' '.join(words)} on {engine}: {done.stderr or done.stdout}")
    return done.stdout.strip()
