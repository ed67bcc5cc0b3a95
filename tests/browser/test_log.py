"""A log of 100,000 lines that a real test prints, followed from its first line to its last by a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.person import stayed, stays
from tests.parts.house import House
from tests.parts.repository import SampleRepository

pytestmark = pytest.mark.live

LINES = 100_000
LOUD = f"""
for n in range({LINES}):
    print("line", n + 1, "of {LINES}")
raise SystemExit(3)
"""
SPEC = 'test: {command: "python3 loud.py", timeout: 2m}\nrun: {port: 8000}\n'


def test_of_100000_lines_the_last_is_followed_and_any_is_found(
    page: Page, house: House, shop: SampleRepository
) -> None:
    shop.commit("loud", **{".shipway.yml": SPEC, "loud.py": LOUD})
    shop.push("loud")
    shop.git("reset", "-q", "--hard", "HEAD~1")
    page.goto(f"/services/{house.service}")
    form = page.locator("#actions form", has_text="production")
    form.get_by_label("Branch, tag or commit").fill("loud")
    form.get_by_role("button", name="Run").click()
    rows = page.locator("#log.alive .rows > div")
    last = rows.filter(has_text=f"line {LINES} of {LINES}")
    expect(rows.first).to_be_visible()
    stays(page)

    expect(last).to_be_visible()
    expect(page.locator("header.heading .badge")).to_have_text(re.compile("failed"))
    assert rows.count() < 100

    page.keyboard.press("/")
    page.get_by_label("Search the log").fill("line 77777 of")
    page.keyboard.press("Enter")
    expect(page.locator("#log .rows > .hit")).to_contain_text("line 77777 of")
    expect(page.locator("#log .seek .count")).to_have_text("1 of 1")
    assert rows.count() < 100

    page.locator("#log .lines").press("End")
    expect(last).to_be_visible()
    expect(rows.last).to_contain_text("exit code 3")
    assert stayed(page)
