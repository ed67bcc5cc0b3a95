"""Builds the images that all contestants deploy, once, and puts them on every host, so that no time of pulling is measured."""

import shutil
import tempfile
from pathlib import Path

from tests.bench.contestant import Images, docker
from tests.parts.laboratory import Laboratory
from tests.parts.repository import APP

_EDGE = Path(__file__).with_name("edge.conf")


def build(lab: Laboratory) -> Images:
    made = {name: _app(lab, name, bad) for name, bad in (("v1", ""), ("v2", ""), ("bad", "health"))}
    made["edge"] = _edge(lab)
    for image in made.values():
        for host in lab.hosts:
            docker(host.engine, "pull", "-q", image)
    return Images(**made)


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
