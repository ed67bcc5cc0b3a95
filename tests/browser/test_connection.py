"""The server goes while somebody looks, and comes back."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.person import Complaints, stayed, stays
from tests.parts.house import House
from tests.parts.pushes import begun
from tests.parts.repository import SampleRepository

pytestmark = pytest.mark.live
OF_THE_LOSS = re.compile(r"net::ERR_|\[object Event\]$")  # the browser's words and htmx's


def test_a_page_says_that_it_is_cut_off_and_is_live_again_by_itself(
    page: Page, house: House, shop: SampleRepository, complaints: Complaints
) -> None:
    page.goto(f"/services/{house.service}")
    offline = page.locator(".offline")
    expect(page.locator("body")).to_have_attribute("data-live", "on")
    expect(offline).to_be_hidden()
    stays(page)

    house.stop()
    expect(offline).to_be_visible()
    house.start()
    expect(offline).to_be_hidden()

    run = begun(house, shop, "6", branch="staging")
    expect(page.locator(f'#live a[href="/runs/{run}"]').first).to_be_visible()
    assert stayed(page)
    complaints.heard = [told for told in complaints.heard if not OF_THE_LOSS.search(told)]
