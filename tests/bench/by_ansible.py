"""Contestant: Ansible with a playbook of a careful team (playbook.yml), an nginx on each host. After a failure the team runs it
again, with the old image, for the hosts that were new by then. Ansible gets a virtual environment of its own, made once."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from tests.bench.contestant import PATIENCE, REPLICAS, Images, docker
from tests.bench.edge import clean, prepare
from tests.lab.commands import LabError, run
from tests.lab.layout import cache
from tests.parts.laboratory import LabHost, Laboratory

_PLAYBOOK = Path(__file__).with_name("playbook.yml")
_PACKAGE = "ansible-core~=2.19.0"


class ByAnsible:
    name = "Ansible, nginx"

    def __init__(self, lab: Laboratory) -> None:
        self._hosts = lab.hosts
        self._folder = Path(tempfile.mkdtemp(prefix="shipway-bench-"))

    @property
    def fronts(self) -> list[str]:
        return [f"{host.address}:8090" for host in self._hosts]

    def prepare(self, images: Images) -> None:
        hosts = {host.name: {"engine": host.engine, "address": host.address} for host in self._hosts}
        variables = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "replicas": REPLICAS,
            "patience": PATIENCE,
        }
        self._inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": variables}}))
        self._settings.write_text("[connection]\npipelining = true\n")
        prepare(self._hosts, images)
        self._play(images.v1)

    def forward(self, images: Images) -> None:
        self._play(images.v2)

    def fail(self, images: Images) -> None:
        self._play(images.sick, code=2)
        moved = [host.name for host in self._hosts if images.sick in self._live(host)]
        self._play(images.v2, "--limit", ",".join(moved))

    def back(self, images: Images) -> None:
        self._play(images.v1)

    def clean(self) -> None:
        shutil.rmtree(self._folder)
        clean(self._hosts)

    @property
    def _inventory(self) -> Path:
        return self._folder / "hosts.yml"

    @property
    def _settings(self) -> Path:
        return self._folder / "ansible.cfg"

    def _live(self, host: LabHost) -> str:
        return docker(host.engine, "ps", "--filter", "label=bench=app", "--format", '{{.Label "image"}}')

    def _play(self, image: str, *words: str, code: int = 0) -> None:
        command = [str(_ansible()), "-i", str(self._inventory), "-e", f"image={image}", *words]
        done = subprocess.run(
            [*command, str(_PLAYBOOK)],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env=os.environ | {"ANSIBLE_CONFIG": str(self._settings), "LC_ALL": "C.UTF-8"},
        )
        said = f"{done.stdout[-300:]}{done.stderr[-300:]}"
        assert done.returncode == code, f"ansible-playbook {image} ended with {done.returncode}: {said}"


def _ansible() -> Path:
    """The command, installed when it is not there. Fails with what pip said."""
    folder = cache() / f"ansible-{_PACKAGE.rpartition('=')[2]}"
    command = folder / "bin" / "ansible-playbook"
    if not command.exists():
        try:
            run([sys.executable, "-m", "venv", str(folder)])
            run([str(folder / "bin" / "pip"), "install", "-q", _PACKAGE], timeout=300)
        except LabError as error:
            raise AssertionError(f"{_PACKAGE} could not be installed: {error}") from None
    return command
