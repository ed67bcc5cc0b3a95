"""One Shipway for all tests of a file: each pushes the next version onto what the one before it left live.

from tests.parts.lasting import lasting, name as name, own_files as own_files, shop as shop

@pytest.fixture(scope="module")
def house(lab, shop):
    with lasting(lab, shop, lab.hosts[:2]) as made:
        yield made
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

import pytest

from tests.load.session import Load
from tests.parts.house import House, ending
from tests.parts.laboratory import LabHost, Laboratory
from tests.parts.pushes import pushed
from tests.parts.repository import SampleRepository

LoadOn = Callable[[Sequence[str]], Load]
_NUMBERS = count(1)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> SampleRepository:
    folder = tmp_path_factory.mktemp("lasting")
    return SampleRepository(folder / "shop", folder / "shop.git", tested=False).create()


@pytest.fixture(autouse=True)
def own_files(shop: SampleRepository) -> None:
    """What an earlier test committed besides the sample service is gone."""
    shop.restore()


@pytest.fixture
def name() -> str:
    """Of the next version."""
    return f"v{next(_NUMBERS)}"


@contextmanager
def lasting(
    lab: Laboratory,
    shop: SampleRepository,
    hosts: Sequence[LabHost],
    prepare: Callable[[House], None] = lambda _: None,
    bad: str = "",
    **files: str,
) -> Iterator[House]:
    """Up on these hosts with one replica each, version v0 live. `prepare` may change its configuration before."""
    made = House(shop.tree.parent / "house", replace(lab, hosts=tuple(hosts)), shop.remote)
    made.production["replicas"] = 1
    prepare(made)
    with ending(made):
        assert pushed(made.start(), shop, "v0", bad, **files)["status"] == "succeeded"
        yield made
