"""What a host is given to run: the script, the line that fetches it, user-data for cloud-init. Texts; sends nothing.

How the line knows the controller when the host knows nothing: it has the SHA-256 of our authority's certificate in it.
That certificate is fetched first, by whoever; only when it is the right one is anything believed that came over TLS.
"""

import hashlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from pipeline.assets import templates_dir
from pipeline.enrolment.doorway import Doorway
from pipeline.errors import BadConfig
from runners.agents.program import program

HOME = "/etc/shipway"  # on the host
SMALLEST_LIMIT = 16 << 10  # bytes of user-data: EC2's; ECS takes 32 KB
KNOWN = {"packages": list, "write_files": list, "runcmd": list}  # of cloud-init, that we use
CURL = "curl -fsS -g --proto =https"


class EnrolmentPapers:
    """Implements `pipeline.enrolment.desk.Papers`."""

    def __init__(
        self, doorway: Doorway, folder: Path | None = None, agent: Callable[[], str] = program
    ) -> None:
        self._doorway, self._agent = doorway, agent
        self._folder = folder or templates_dir() / "enrol"

    @cached_property
    def script(self) -> str:
        """Its one gap is filled with addresses that were checked when shipway.yml was read."""
        text = (self._folder / "enrol.sh").read_text(encoding="utf-8")
        return text.replace("@doors@", " ".join(self._doorway.places))

    @cached_property
    def agent(self) -> str:
        return self._agent()

    def line(self, ca: str, token: str) -> str:
        url, mark = self._doorway.url, hashlib.sha256(ca.encode()).hexdigest()
        steps = (
            "set -e",
            "umask 077",
            f"mkdir -p {HOME}",
            f"cd {HOME}",
            f"{CURL} -k {url}/ca.pem -o new.ca.pem",
            f'echo "{mark}  new.ca.pem" | sha256sum -c --quiet -',
            "mv new.ca.pem ca.pem",
            f"{CURL} --cacert ca.pem {url}/enrol.sh -o host.sh",
            f"sh host.sh join {token}",
        )
        return f"sh -c '{'; '.join(steps)}'"

    def user_data(self, ca: str, token: str) -> str:
        fetch = f"{CURL} --retry 30 --retry-delay 2 --cacert ca.pem {self._doorway.url}/enrol.sh -o host.sh"
        files = ((f"{HOME}/ca.pem", "0644", ca), (f"{HOME}/token", "0600", token))
        config = {
            "packages": ["ca-certificates", "curl", "openssl"],
            "write_files": [{"path": p, "permissions": mode, "content": text} for p, mode, text in files],
            "runcmd": [["sh", "-c", f"umask 077 && cd {HOME} && {fetch} && sh host.sh join"]],
        }
        text = "#cloud-config\n" + yaml.safe_dump(config, sort_keys=False, width=1000)
        check_user_data(text)
        return text


def check_user_data(text: str) -> None:
    """cloud-init only warns of what it does not know, on a machine that nobody reaches then. Raises `BadConfig`."""
    size = len(text.encode())
    if size > SMALLEST_LIMIT:
        raise BadConfig(f"The user-data has {size} bytes; clouds take {SMALLEST_LIMIT}. Make it shorter.")
    if not text.startswith("#cloud-config\n"):
        raise BadConfig("The user-data does not begin with #cloud-config, so cloud-init would not read it.")
    try:
        read = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadConfig(f"The user-data is no YAML: {error}. Correct it.") from error
    if not isinstance(read, dict):
        raise BadConfig("The user-data must be a mapping of cloud-init's keys.")
    _check_keys(read)


def _check_keys(read: dict[str, Any]) -> None:
    for key, value in read.items():
        if key not in KNOWN or not isinstance(value, KNOWN[key]):
            known = ", ".join(KNOWN)
            raise BadConfig(f"The user-data's {key!r} is not what cloud-init takes there. Known: {known}.")
    for file in read.get("write_files", ()):
        if not {"path", "content"} <= set(file) <= {"path", "content", "permissions", "owner"}:
            raise BadConfig(f"A file in the user-data needs path and content: {sorted(file)}.")
        if not isinstance(file.get("permissions", ""), str):
            raise BadConfig(
                f"The permissions of {file['path']} in the user-data need quotes: cloud-init wants text."
            )
