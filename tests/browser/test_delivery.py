"""A delivery is found on the list and decided again."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.parts.house import House
from tests.parts.pushes import begun
from tests.parts.repository import SampleRepository

pytestmark = pytest.mark.live


def test_a_delivery_is_decided_again_and_both_tell_of_each_other(
    page: Page, house: House, shop: SampleRepository
) -> None:
    begun(house, shop, "7", branch="staging")
    first = house.get("/deliveries")["deliveries"][0]["id"]
    page.goto("/deliveries")
    page.get_by_role("link", name=str(first), exact=True).click()
    expect(page.get_by_role("heading", name=f"Delivery {first}")).to_be_visible()

    page.get_by_role("button", name="Decide again").click()

    expect(page).not_to_have_url(re.compile(f"/deliveries/{first}$"))
    expect(page.locator(".heading .badge")).to_have_text(re.compile("accepted"))
    expect(page.get_by_text("Decided again of")).to_be_visible()
    page.get_by_role("link", name=re.compile(r"^Run \d+$")).click()
    expect(page.get_by_role("heading", name=re.compile(r"^Run \d+$"))).to_be_visible()
    page.goto(f"/deliveries/{first}")
    expect(page.get_by_text("Decided again as")).to_be_visible()
