"""Forges by name. Adding one: write the module, add a line here and in `settings_values.FORGES`, record a payload.

A module is imported when its forge is asked for, so that none costs anything until it is used.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import cast

from pipeline.errors import NotFound
from pipeline.ports import Forge

TABLE = {
    "git": "runners.forges.git:Git",
    "github": "runners.forges.github:GitHub",
    "gitlab": "runners.forges.gitlab:GitLab",
    "gitea": "runners.forges.gitea:Gitea",
    "forgejo": "runners.forges.gitea:forgejo",
    "gitee": "runners.forges.gitee:Gitee",
    "bitbucket": "runners.forges.bitbucket:Bitbucket",
    "bitbucket-dc": "runners.forges.bitbucket:data_center",
    "codeup": "runners.forges.codeup:Codeup",
}


def known() -> tuple[str, ...]:
    return tuple(TABLE)


@cache
def forge(name: str) -> Forge:
    if name not in TABLE:
        raise NotFound(f"There is no forge {name!r}. Known: {', '.join(TABLE)}.")
    module, _, kind = TABLE[name].partition(":")
    return cast(Forge, getattr(import_module(module), kind)())


class Forges(Mapping[str, Forge]):
    """All of them, as the bag of ports wants them. Each is loaded when it is first asked for."""

    def __getitem__(self, name: str) -> Forge:
        if name not in TABLE:
            raise KeyError(name)
        return forge(name)

    def __iter__(self) -> Iterator[str]:
        return iter(TABLE)

    def __len__(self) -> int:
        return len(TABLE)
