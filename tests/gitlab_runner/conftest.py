"""One GitLab and one Shipway for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.forge.gitlab import fake_gitlab
from tests.gitlab_runner.fleets import Ground


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with fake_gitlab(tmp_path / "gitlab") as gitlab:
        made = Ground(tmp_path, gitlab)
        yield made
        made.store.close()
