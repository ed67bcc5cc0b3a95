"""Submodules over real git: asked for, pinned, and only from where they may come."""

from dataclasses import replace

import pytest

from pipeline.errors import StageFailed
from pipeline.fleet.service import Repository
from tests.parts.origin import Origin
from tests.runners.source_trees.ground import check_out, pushed


@pytest.fixture
def library(tmp_path):
    return Origin(tmp_path / "acme" / "lib.git")


def with_submodule(origin, library, url, path="vendor/lib"):
    pinned = pushed(library, {"lib.py": "x = 1\n"})
    text = f'[submodule "lib"]\n\tpath = {path}\n\turl = {url}\n'
    return pushed(origin, {"Dockerfile": "FROM x\n", ".gitmodules": text}, gitlinks={path: pinned})


def test_submodules_are_off_unless_asked_for(source, origin, library):
    folder = check_out(source, origin, with_submodule(origin, library, "../lib.git"))

    assert not list((folder / "vendor" / "lib").glob("*"))


def test_submodule_is_checked_out_at_its_commit(source, origin, library):
    commit = with_submodule(origin, library, "../lib.git")
    pushed(library, {"lib.py": "x = 2\n"}, "newer")

    folder = check_out(source, origin, commit, repository=Repository(origin.url, submodules=True))

    assert (folder / "vendor/lib/lib.py").read_text() == "x = 1\n"


def test_private_submodule_of_the_same_host_gets_the_token(source, origin, library, private):
    commit = with_submodule(origin, library, "../lib.git")

    folder = check_out(source, origin, commit, repository=replace(private, submodules=True))

    assert (folder / "vendor/lib/lib.py").exists()


@pytest.mark.parametrize("url", ["/etc", "file:///etc", "ext::sh -c touch% pwned", "-x"])
def test_submodule_from_this_machines_disk_is_refused(source, origin, library, url):
    commit = with_submodule(origin, library, url)

    with pytest.raises(StageFailed, match="has the address"):
        check_out(source, origin, commit, repository=Repository(origin.url, submodules=True))
