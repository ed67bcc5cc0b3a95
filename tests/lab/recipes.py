"""Which packages make which base image, and what the image says of itself. Data only."""

import hashlib
import json
from dataclasses import dataclass, field

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_FORMAT = 4  # count up when `image.py` lays files out in another way


@dataclass(frozen=True)
class Recipe:
    """One base image. `suite` is `own` (the machine's) or `sid`; `version` names the package whose version counts."""

    name: str  # in lab.json
    repository: str  # in the registry, with its tag
    packages: tuple[str, ...]
    version: str
    command: tuple[str, ...]
    suite: str = "own"
    stop: str = "SIGTERM"
    env: tuple[str, ...] = (PATH, "LANG=C.UTF-8")
    links: dict[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()  # paths left out, by their beginning

    def key(self, architecture: str) -> str:
        """Changes when the image would: the cache's name for it."""
        said = json.dumps([_FORMAT, architecture, self.__dict__], sort_keys=True, default=str)
        return f"{self.name}-{hashlib.sha256(said.encode()).hexdigest()[:12]}"


# STOPSIGNAL: nginx drops requests on TERM and finishes them on QUIT; HAProxy likewise on USR1
def _nginx(name: str, tag: str, suite: str) -> Recipe:
    return Recipe(
        name,
        f"lab/nginx:{tag}",
        ("nginx", "busybox-static"),
        "nginx",
        ("nginx", "-g", "daemon off;"),
        suite,
        "SIGQUIT",
        links={"var/log/nginx/access.log": "/dev/stdout", "var/log/nginx/error.log": "/dev/stderr"},
        drop=("etc/nginx/sites-enabled/default",),
    )


def _haproxy(name: str, tag: str, suite: str) -> Recipe:
    command = ("haproxy", "-W", "-db", "-f", "/etc/haproxy/haproxy.cfg")
    return Recipe(
        name, f"lab/haproxy:{tag}", ("haproxy", "busybox-static"), "haproxy", command, suite, "SIGUSR1"
    )


RECIPES = (
    Recipe(
        "python",
        "lab/python:3",
        ("python3", "python3-pytest", "python3-pip-whl", "busybox-static"),
        "python3",
        ("python3",),
        env=(PATH, "LANG=C.UTF-8", "PIP_DISABLE_PIP_VERSION_CHECK=1", "PIP_ROOT_USER_ACTION=ignore"),
        links={"usr/bin/python": "python3", "usr/bin/pytest": "pytest-3"},
        drop=tuple(f"usr/lib/python3.{minor}/EXTERNALLY-MANAGED" for minor in (11, 12, 13)),
    ),
    _nginx("nginx", "modern", "sid"),
    _nginx("nginx_old", "old", "own"),
    _haproxy("haproxy", "modern", "sid"),
    _haproxy("haproxy_old", "old", "own"),
    Recipe("busybox", "busybox:latest", ("busybox-static",), "busybox-static", ("sh",)),
)
