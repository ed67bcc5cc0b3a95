"""Every page of the table: light, usable by everybody in both themes on a phone and a desk, and without a complaint.

A new page of `pipeline/web/pages/site.py` is looked at by itself; a new kind of number in its path needs a line in `places`.
"""

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import CDPSession, Page, StorageState, expect

from pipeline.web.pages.site import PAGES
from tests.browser.eyes import looked_at
from tests.browser.person import Complaints
from tests.parts.house import House
from tests.parts.pushes import Facts

pytestmark = pytest.mark.live

HEAVIEST = 200_000  # bytes of one page with all that it loads, nothing cached
PATHS = sorted({page.path for page in PAGES})


@pytest.fixture(scope="package")
def places(house: House, failed: Facts) -> dict[str, str]:
    """What stands for each `<name>` of a path: the release that was taken back, so that pages have something to tell."""
    delivery = house.get("/deliveries")["deliveries"][0]["id"]
    return {
        "service": quote(house.service),
        "environment": "production",
        "run": str(failed["id"]),
        "deployment": str(failed["deployment"]),
        "release": str(failed["release"]),
        "delivery": str(delivery),
        "host": house.lab.hosts[0].name,
    }


def address(path: str, places: dict[str, str]) -> str:
    return re.sub(r"<(?:[a-z]+:)?([a-z]+)>", lambda found: places[found[1]], path)


def name_of(path: str) -> str:
    return re.sub(r"<[^>]*>", "one", path).strip("/").replace("/", "-") or "overview"


def settled(page: Page, url: str) -> None:
    """Loaded, its stream open, and a log that comes by script there."""
    page.goto(url)
    if page.locator("[sse-connect]").count():
        expect(page.locator("body")).to_have_attribute("data-live", "on")
    if page.locator("#log").count():
        expect(page.locator("#log.alive .rows > div").first).to_be_visible()


@pytest.mark.parametrize("path", PATHS, ids=name_of)
def test_every_page_is_light_and_can_be_used_by_everybody(
    path: str, page: Page, places: dict[str, str]
) -> None:
    weight = Weight(page)
    settled(page, address(path, places))

    assert 1_000 < weight.bytes < HEAVIEST
    assert looked_at(page, name_of(path)) == []


def test_the_pages_of_strangers_can_be_used_by_everybody(stranger: Page, ada: StorageState) -> None:
    settled(stranger, "/sign-in")

    assert looked_at(stranger, "sign-in") == []


def test_a_refusal_can_be_used_by_everybody(page: Page, complaints: Complaints) -> None:
    settled(page, "/runs/999999")
    assert "404" in complaints.heard.pop()  # the console tells of it

    assert looked_at(page, "refusal") == []


class Weight:
    """Counts what comes over the wire, headers included."""

    def __init__(self, page: Page) -> None:
        self.bytes = 0
        session: CDPSession = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        session.on("Network.dataReceived", self._add)
        session.on("Network.responseReceived", lambda told: self._add(told["response"]))

    def _add(self, told: dict[str, float]) -> None:
        self.bytes += int(told["encodedDataLength"])
