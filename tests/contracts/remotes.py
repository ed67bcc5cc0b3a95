"""Repositories that sources read: real git, and the one in memory."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.fleet.service import Repository
from pipeline.secret import Secret
from runners.source import GitSource
from runners.stand_ins.delivery import MemorySource
from tests.parts.git_server import git_server
from tests.parts.origin import Origin


class GitRemote:
    def __init__(self, folder: Path) -> None:
        self.origin = Origin(folder / "acme" / "shop.git")
        self.source = GitSource(str(folder / "data"), os.environ)
        self.branch, self.ref, self.tag, self.forget = (
            self.origin.branch,
            self.origin.ref,
            self.origin.tag,
            self.origin.forget,
        )
        self.repository = Repository(self.origin.url)

    def commit(self, files: dict[str, str], parent: str = "") -> str:
        return self.origin.commit(files, parent=parent)

    @contextmanager
    def hanging(self) -> Iterator[Repository]:
        with git_server(self.origin.path.parent, password="pw") as server:
            server.stalls = True
            yield Repository(f"http://{server.address}/shop.git", forge="gitlab", token=Secret("pw"))


class MemoryRemote:
    def __init__(self, _: Path) -> None:
        self.source = MemorySource()
        self.repository = Repository("https://git.example.com/acme/shop.git")

    def commit(self, files: dict[str, str], parent: str = "") -> str:
        commit = f"{len(self.source.commits) + 1:040x}"[::-1]
        self.source.commits[commit], self.source.parents[commit] = files, parent
        return commit

    def ref(self, name: str, commit: str) -> None:
        self.source.refs[name] = commit

    def branch(self, name: str, commit: str) -> None:
        self.source.refs[f"refs/heads/{name}"] = commit

    def tag(self, name: str, commit: str) -> None:
        self.source.refs[f"refs/tags/{name}"] = commit

    def forget(self, name: str) -> None:
        del self.source.commits[self.source.refs.pop(f"refs/heads/{name}")]

    @contextmanager
    def hanging(self) -> Iterator[Repository]:
        self.source.hanging.add("checkout")
        yield self.repository
        self.source.hanging.clear()


def never() -> bool:
    return False


@dataclass
class Later:
    """Somebody who wants it to stop after having been asked some times."""

    times: int = 8

    def __call__(self) -> bool:
        self.times -= 1
        return self.times < 0


@dataclass
class Told:
    text: str = ""

    def __call__(self, text: str) -> None:
        self.text += text


@pytest.fixture(params=[GitRemote, MemoryRemote], ids=["git", "memory"])
def remote(request, tmp_path):
    return request.param(tmp_path)


@pytest.fixture
def shop(remote):
    """The remote with one commit on main, which a tag names too."""
    remote.first = remote.commit({"Dockerfile": "FROM x\n", "app/Dockerfile": "FROM y\n"})
    remote.branch("main", remote.first)
    remote.tag("v1", remote.first)
    return remote
