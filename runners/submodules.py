"""Fills the folders of a commit's submodules, each from a mirror of its own, when the operator asked for them.

`git submodule` is not used: it would share state between runs and take addresses as they come. Here a submodule is the
same thing as a repository: a mirror, an exact commit, a folder. Never reads from this machine's own disk on the word of
a repository, and gives the credential only to the host it belongs to.
"""

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.errors import StageFailed
from pipeline.secret import Secret
from runners.git_command import GitCommand, MirrorBroken, Remote
from runners.mirror import Mirror

DEEPEST = 4
MOST = 50  # of one commit


def check_out_submodules(
    mirror: Mirror, commit: str, tree: Path, git: GitCommand, log: Callable[[str], None], depth: int = 1
) -> None:
    for path, url, pinned in _listed(mirror, commit):
        if depth > DEEPEST:
            raise StageFailed(f"Submodules inside submodules go deeper than {DEEPEST} at {path}.")
        folder = (tree / path).resolve()
        if not folder.is_relative_to(tree.resolve()):
            raise StageFailed(f"The submodule {path!r} leads out of the repository.")
        below = Mirror(mirror.path.parent, _remote(mirror.remote, url, path), git)
        log(f"Submodule {path} at {pinned[:12]}.\n")
        below.checkout(pinned, "", folder, log)
        check_out_submodules(below, pinned, folder, git, log, depth + 1)


def _listed(mirror: Mirror, commit: str) -> Iterator[tuple[str, str, str]]:
    """(path, address, commit) of each submodule that .gitmodules and the tree agree on."""
    try:
        found = mirror.local(
            "config",
            "--null",
            f"--blob={commit}:.gitmodules",
            "--get-regexp",
            r"^submodule\..*\.(path|url)$",
        )
    except MirrorBroken:
        return
    keys = dict(entry.split("\n", 1) for entry in found.split("\0") if "\n" in entry)
    names = sorted({name.rpartition(".")[0] for name in keys})
    if len(names) > MOST:
        raise StageFailed(f"There are {len(names)} submodules; more than {MOST} are not followed.")
    for name in names:
        path, url = keys.get(f"{name}.path", ""), keys.get(f"{name}.url", "")
        listed = mirror.local(
            "--literal-pathspecs", "ls-tree", "-z", "--full-tree", commit, "--", path or "."
        )
        entry = listed.split("\0", 1)[0].split("\t", 1)[0].split()
        if path and url and len(entry) == 3 and entry[1] == "commit":
            yield path, url, entry[2]


def _remote(parent: Remote, url: str, path: str) -> Remote:
    relative = url.startswith(("./", "../"))
    if relative:
        url = _joined(parent.url, url)
    scheme = urlsplit(url).scheme
    if scheme not in ("http", "https", "ssh", "git") and not relative:
        raise StageFailed(
            f"The submodule {path} has the address {url!r}. Only https, http, ssh, git and relative ones are followed."
        )
    if scheme in ("http", "https"):
        parts = urlsplit(url)
        url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    remote = replace(parent, url=url)
    same = remote.host == parent.host and urlsplit(parent.url).scheme == scheme
    return remote if same else replace(remote, username="", password=Secret(""))


def _joined(parent: str, relative: str) -> str:
    """`../lib.git` beside `https://host/acme/shop.git`, `git@host:acme/shop.git` or `/srv/shop.git`."""
    if "://" in parent:
        parts = urlsplit(parent)
        return parts._replace(path=posixpath.normpath(posixpath.join(parts.path, relative))).geturl()
    host, colon, path = parent.rpartition(":")
    return f"{host}{colon}{posixpath.normpath(posixpath.join(path, relative))}"
