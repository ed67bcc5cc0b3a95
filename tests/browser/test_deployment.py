"""Deployments as somebody in front of a browser lives through them: watched, aborted, taken back."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.person import stayed, stays
from tests.parts.house import House
from tests.parts.pushes import begun, deployment_of, live_release
from tests.parts.repository import SampleRepository

pytestmark = pytest.mark.live


def followed(page: Page, link: Locator) -> None:
    """A link that comes while the page stands."""
    expect(link).to_be_visible()
    assert stayed(page)
    link.click()
    page.wait_for_load_state()
    stays(page)


def ended(page: Page, word: str) -> None:
    expect(page.locator("header.heading .badge")).to_have_text(re.compile(word))


def test_a_push_is_watched_to_its_last_host_and_taken_back(
    page: Page, house: House, shop: SampleRepository
) -> None:
    before = live_release(house)
    page.goto(f"/services/{house.service}")
    stays(page)
    run = begun(house, shop, "3")
    followed(page, page.locator(f'#live a[href="/runs/{run}"]').first)
    expect(page.locator(".pipeline li.good")).not_to_have_count(0)
    followed(page, page.locator("#to-deployment"))
    expect(page.locator(".track .now").first).to_be_visible()
    expect(page.locator(".lane.good")).to_have_count(2)
    ended(page, "succeeded")
    assert stayed(page)

    page.get_by_role("link", name="Roll back …").click()
    expect(page.locator(".turn")).to_contain_text(f"Release {before}")
    expect(page.locator(".plan li").first).to_be_visible()
    page.get_by_role("button", name=f"Roll back to release {before}").click()

    expect(page).to_have_url(re.compile(r"/deployments/\d+$"))
    ended(page, "succeeded")
    assert live_release(house) == before


def test_a_deployment_is_aborted_and_every_host_goes_back(
    page: Page, house: House, shop: SampleRepository
) -> None:
    before = live_release(house)
    deployment = deployment_of(house, begun(house, shop, "4", bad="health"))
    page.goto(f"/deployments/{deployment}")
    expect(page.locator(".ticks .bad, .track .now").first).to_be_visible()

    page.get_by_role("link", name=re.compile("Abort")).click()
    expect(page.get_by_role("heading", name=f"Abort deployment {deployment}?")).to_be_visible()
    expect(page.locator(".plan li").first).to_be_visible()
    page.get_by_role("button", name="Abort").click()

    expect(page).to_have_url(re.compile(f"/deployments/{deployment}$"))
    ended(page, "rolled back")
    expect(page.locator(".verdict")).to_contain_text("aborted by request")
    audit = house.get("/audit")["entries"]
    aborts = [(one["actor"], one["target"]) for one in audit if one["action"] == "deployment.abort"]
    assert aborts == [("user:ada", f"deployment {deployment}")]
    assert live_release(house) == before
