"""The nginx on each host that the hand-made contestants switch, and the end of all that they started."""

from collections.abc import Iterable

from tests.bench.contestant import Images, docker
from tests.parts.laboratory import LabHost


def prepare(hosts: Iterable[LabHost], images: Images) -> None:
    words = ["--name", "bench-edge", "--label", "bench=edge", "--network", "host", images.edge]
    for host in hosts:
        docker(host.engine, "run", "-d", *words)


def clean(hosts: Iterable[LabHost]) -> None:
    for host in hosts:
        ids = docker(host.engine, "ps", "-aq", "--filter", "label=bench").split()
        if ids:
            docker(host.engine, "rm", "-f", *ids)
