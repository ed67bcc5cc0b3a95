"""A repository, our copies of it, and a server that wants a password."""

import os

import pytest

from pipeline.fleet.service import Repository
from pipeline.secret import Secret
from runners.source import GitSource
from tests.parts.git_server import git_server
from tests.parts.origin import Origin
from tests.runners.source_trees.ground import TOKEN


@pytest.fixture
def origin(tmp_path):
    return Origin(tmp_path / "acme" / "shop.git")


@pytest.fixture
def source(tmp_path):
    return GitSource(str(tmp_path / "data"), os.environ)


@pytest.fixture
def server(tmp_path, origin):
    with git_server(origin.path.parent.parent, password=TOKEN) as running:
        yield running


@pytest.fixture
def private(server):
    return Repository(f"http://{server.address}/acme/shop.git", forge="gitlab", token=Secret(TOKEN))
