"""The local name by which we know that an image is on a host because we pulled it. What was there before gets none.

`shipway.local/<installation>/pulled:<digest>`: no registry has such names, so nothing is ever pulled by one.
"""

from collections.abc import Sequence
from typing import Any

import docker

HOME = "shipway.local/"


def mark(client: docker.APIClient, image: str, digest: str, installation: str) -> None:
    if installation and digest.startswith("sha256:"):
        client.tag(image, f"{HOME}{installation}/pulled", digest.removeprefix("sha256:"), force=True)


def installations(tags: Sequence[str]) -> frozenset[str]:
    """Those that pulled this image."""
    return frozenset(tag.removeprefix(HOME).partition("/")[0] for tag in tags if tag.startswith(HOME))


def another(image: dict[str, Any], installation: str) -> str:
    """The id of another installation that pulled it too; empty when none did."""
    return min(installations(image["RepoTags"] or []) - {installation}, default="")


def ids(client: docker.APIClient) -> frozenset[str]:
    """Of all images, also of those that lost their names."""
    return frozenset(str(found) for found in client.images(quiet=True))
