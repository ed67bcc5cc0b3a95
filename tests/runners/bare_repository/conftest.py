"""The server, and a clone whose bare repository tells it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runners.bare_repository import init
from tests.runners.bare_repository.ground import Server, git, hurry


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def clone(tmp_path: Path, server: Server) -> Path:
    """A work tree with one commit, and the bare repository it pushes to."""
    init(str(tmp_path / "shop.git"), "shop", server.url, str(tmp_path / "keys" / "shop.secret"))
    hurry(tmp_path)
    work = tmp_path / "work"
    git(tmp_path, "clone", "--quiet", str(tmp_path / "shop.git"), str(work))
    git(work, "commit", "--allow-empty", "-m", "Add a shop\n\nWith goods.")
    return work
