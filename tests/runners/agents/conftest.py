from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runners.agents.ground import Ground
from tests.runners.agents.ground import ground as made


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with made(tmp_path) as one:
        yield one
