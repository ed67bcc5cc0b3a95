"""Builds the images that all contestants deploy, once, into the registry. Where each comes from there is measured with the rest:
no host has what is to be deployed."""

import shutil
import tempfile
from pathlib import Path

from tests.bench.contestant import Images, docker
from tests.parts.laboratory import Laboratory
from tests.parts.repository import APP

_EDGE = Path(__file__).with_name("edge.conf")


def build(lab: Laboratory, bad: str = "health") -> Images:
    """`bad` is what the sick one suffers from, in the sample service's words."""
    made = {name: _app(lab, name, ill) for name, ill in (("v1", ""), ("v2", ""), ("sick", bad))}
    made["edge"] = _edge(lab)
    for host in lab.hosts:
        docker(host.engine, "pull", "-q", made["v1"])
        docker(host.engine, "pull", "-q", made["edge"])
    return Images(**made)


def forget(lab: Laboratory, images: Images) -> None:
    """The hosts have v1 and no other. Fails when a container still uses one."""
    for host in lab.hosts:
        for image in (images.v2, images.sick):
            if docker(host.engine, "image", "ls", "-q", image):
                docker(host.engine, "image", "rm", image)


def _app(lab: Laboratory, version: str, bad: str) -> str:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "app")
        shutil.copytree(APP, folder, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "VERSION").write_text(version)
        (folder / "BAD").write_text(bad)
        return _pushed(lab, folder, f"bench/app:{version}")


def _edge(lab: Laboratory) -> str:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(_EDGE, folder / "nginx.conf")
        (folder / "Dockerfile").write_text(
            f"FROM {lab.images['nginx']}\nCOPY nginx.conf /etc/nginx/nginx.conf\n"
        )
        return _pushed(lab, folder, "bench/edge:1")


def _pushed(lab: Laboratory, folder: Path, tag: str) -> str:
    name = f"{lab.registry}/{tag}"
    docker(lab.builder, "build", "-q", "-t", name, str(folder))
    docker(lab.builder, "push", "-q", name)
    return docker(lab.builder, "inspect", "-f", "{{index .RepoDigests 0}}", name)
