"""What live tests get: the lab, a git repository with the sample service, a running Shipway, load on it.

    def test_…(lab): …                 the lab; without one it is skipped with the reason, or fails when CI=true
    def test_…(shop): shop.commit("1"); shop.push()          a SampleRepository with a bare remote
    def test_…(works): works.push("FROM BUSYBOX\\n").go() the road from a commit to a digest, with both builders
    def test_…(house): house.start(); house.get("/services") a House for that repository, not started yet
    def test_…(load_on): with load_on(house.fronts) as load: …; counts = load.stop()

Everything that a test made on the lab's engines is removed after it.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from pipeline.secret import Secret
from tests.load.session import Load, standard
from tests.parts.house import House, ending
from tests.parts.laboratory import Laboratory, NoLab, laboratory
from tests.parts.repository import SampleRepository
from tests.parts.works import Works, works_in

BUILD_TOKEN = "npm-t0ken-of-the-lab"


@pytest.fixture(scope="session")
def lab() -> Laboratory:
    try:
        return laboratory()
    except NoLab as error:
        if os.environ.get("CI") == "true" or os.environ.get("SHIPWAY_REQUIRE_LIVE") == "1":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture
def tested() -> bool:
    """Has the sample service a test stage? Only those who look at it want one: it costs each push a second of CPU."""
    return False


@pytest.fixture
def shop(tmp_path: Path, tested: bool) -> SampleRepository:
    return SampleRepository(tmp_path / "shop", tmp_path / "shop.git", tested).create()


@pytest.fixture(params=["buildkit", "classic"])
def works(
    request: pytest.FixtureRequest, tmp_path: Path, lab: Laboratory, shop: SampleRepository
) -> Iterator[Works]:
    yield from works_in(tmp_path, lab, shop, request.param == "buildkit", {"NPM_TOKEN": Secret(BUILD_TOKEN)})


@pytest.fixture
def house(tmp_path: Path, lab: Laboratory, shop: SampleRepository) -> Iterator[House]:
    with ending(House(tmp_path / "house", lab, shop.remote)) as made:
        yield made


@pytest.fixture
def load_on() -> Callable[[Sequence[str]], Load]:
    """The standard load: kept connections, a connection each, POSTs; 100 requests a second in all."""
    return lambda fronts: Load(standard(fronts))
