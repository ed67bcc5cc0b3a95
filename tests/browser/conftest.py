"""A browser before a real `shipway up` on the lab: one house for all tests of this folder, and a person who signed in there.

    def test_…(page): page.goto("/")         hers; whatever the console complains of fails the test
    def test_…(stranger): …                  nobody's
    def test_…(house, shop): begun(house, shop, "v2")

What is made for all of them ends with the last test of this folder: Playwright's event loop would be in the way of others.
"""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect, sync_playwright

from tests.browser.eyes import SIZES
from tests.browser.person import Complaints, became_ada
from tests.live.conftest import lab
from tests.parts.browser import chromium
from tests.parts.house import QUICK, House, ending
from tests.parts.laboratory import Laboratory
from tests.parts.pushes import Facts, begun, pushed
from tests.parts.repository import SampleRepository
from tests.parts.two_regions import two_regions

__all__ = ["lab"]

PATIENCE = 30_000  # ms: for what takes a release to arrive, on a busy machine


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    program = chromium()
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=["--disable-dev-shm-usage"])
        yield opened
        opened.close()


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> SampleRepository:
    folder = tmp_path_factory.mktemp("repository")
    return SampleRepository(folder / "shop", folder / "shop.git").create()


@pytest.fixture(scope="package")
def house(
    tmp_path_factory: pytest.TempPathFactory, lab: Laboratory, shop: SampleRepository, browser: Browser
) -> Iterator[House]:
    """With version 1 live on two hosts and in staging; `billing` never ran. Of two regions one is parked."""
    made = House(tmp_path_factory.mktemp("house") / "house", lab.first(2), shop.remote)
    made.production["replicas"] = 1
    surroundings(made)
    with two_regions() as ground, ending(made):
        made.config["entrances"] = ground.keys
        made.start()
        made.shipway("regions", "apply")
        made.shipway("regions", "park", "sg", "--reason", "new switches")
        runs = [begun(made, shop, "1"), begun(made, shop, "1-staging", branch="staging")]
        for run in runs:
            first = made.finished_run(run)
            assert first["status"] == "succeeded", f"{first}\n{made.log()}"
        yield made


def surroundings(house: House) -> None:
    """A second environment and a second service, so that pages have something to put in order."""
    ((front, proxy),) = house.config["proxies"].items()
    last = house.lab.hosts[-1].name
    house.config["proxies"][f"{front}-staging"] = proxy | {"listen": house.listen + 1}
    shop = house.config["services"][house.service]
    staging = {"branches": ["staging"], "hosts": [last], "replicas": 1, "proxy": f"{front}-staging"}
    shop["environments"]["staging"] = staging | {"rollout": dict(QUICK)}
    billing = house.production | {"proxy": f"{front}-billing"}
    house.config["proxies"][f"{front}-billing"] = proxy | {"listen": house.listen + 2}
    source = shop["repository"] | {"project": "billing"}
    house.config["services"]["billing"] = {"repository": source, "environments": {"production": billing}}


@pytest.fixture(scope="package")
def failed(house: House, shop: SampleRepository) -> Facts:
    """The run of a release that answers 500, and is taken back."""
    run = pushed(house, shop, "2", bad="500")
    assert run["status"] == "failed", run
    return house.finished_deployment(run["deployment"]) and run


@pytest.fixture(scope="package")
def ada(browser: Browser, house: House) -> StorageState:
    """What the browser of the first user keeps: she took the link that `shipway up` printed."""
    context = browser.new_context(base_url=house.url)
    became_ada(context.new_page(), house)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def opened(browser: Browser, house: House, complaints: Complaints) -> Iterator[Callable[..., BrowserContext]]:
    """Contexts with an empty cache; at the end nothing may be left that was complained of."""
    made: list[BrowserContext] = []

    def opens(state: StorageState | None = None) -> BrowserContext:
        context = browser.new_context(
            base_url=house.url,
            storage_state=state,
            viewport=SIZES[-1],
            locale="en-GB",
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE)
        complaints.listen(context)
        made.append(context)
        return context

    yield opens
    for context in made:
        context.close()
    assert complaints.heard == []


@pytest.fixture
def page(opened: Callable[..., BrowserContext], ada: StorageState) -> Page:
    return opened(ada).new_page()


@pytest.fixture
def stranger(opened: Callable[..., BrowserContext]) -> Page:
    return opened().new_page()
