"""Who comes in, in a real browser: cookies, form tokens and redirects as it handles them."""

import re

import pytest
from playwright.sync_api import Page, StorageState, expect

from tests.browser.person import NAME, Complaints, sign_in
from tests.parts.house import House

pytestmark = pytest.mark.live


def test_one_comes_in_where_one_wanted_to_go_and_leaves_again(
    stranger: Page, ada: StorageState, house: House
) -> None:
    stranger.goto("/hosts")
    expect(stranger).to_have_url(re.compile("/sign-in"))

    sign_in(stranger)

    expect(stranger).to_have_url(f"{house.url}/hosts")
    expect(stranger.locator(".who")).to_contain_text(NAME)
    stranger.get_by_role("button", name="Sign out").click()
    stranger.goto("/hosts")
    expect(stranger.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_wrong_password_is_told_and_can_be_mended(
    stranger: Page, ada: StorageState, complaints: Complaints
) -> None:
    stranger.goto("/sign-in")

    sign_in(stranger, "not her password")
    expect(stranger.get_by_role("alert")).to_be_visible()
    assert "401" in complaints.heard.pop()  # the console tells of each refusal
    sign_in(stranger)

    expect(stranger.locator(".who")).to_contain_text(NAME)
