"""The log of a run in a real browser: few lines in the document, followed, searched, linked to, and never markup."""

from collections.abc import Iterator

import pytest

from pipeline.lease import run_key
from pipeline.secret import Secret
from tests.parts.browser import Browser
from tests.web.conftest import House
from tests.web.pages.conftest import PASSWORD
from tests.web.pages.test_overview import add_run
from tests.web.running import Running

pytestmark = pytest.mark.live
PANE = "document.querySelector('.log .lines')"
ROWS = "[...document.querySelectorAll('.log .rows > div')]"
LAST = f"{ROWS}.at(-1).textContent"
COUNT = "document.querySelector('.seek .count').textContent"
HIT = "document.querySelector('.rows > .hit').textContent"
FOLLOW = "document.querySelector('.follow')"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    chromium.renew()
    return chromium


@pytest.fixture
def site(house: House) -> Iterator[Running]:
    server = Running(house)
    yield server
    server.stop()


def at_work(house: House) -> int:
    run = add_run(house)
    house.store.runs.begin(run.id, house.store.leases.take(run_key(run.id), "w", 300))
    return run.id


def shown(browser: Browser, site: Running, run: int, rest: str = "") -> None:
    """Signed in, with the viewer at work."""
    site.house.store.users.create("ada", "deployer", (), Secret(PASSWORD))
    address = f"http://127.0.0.1:{site.port}"
    browser.cookie("shipway", site.house.store.sessions.open("ada"), address)
    browser.open(f"{address}/runs/{run}{rest}")
    browser.until("document.querySelector('.log.alive .rows > div') !== null")


def test_of_100000_lines_few_are_in_the_document_and_any_is_reached(house, site, browser):
    run = at_work(house)
    house.logs.append(run, "build", "".join(f"line {n}\n" for n in range(1, 100_001)))
    house.store.runs.cancel(run)

    shown(browser, site, run)
    browser.until(f"{LAST} === '100000line 100000'")
    browser.value(f"{PANE}.scrollTop = {PANE}.scrollHeight / 2")

    browser.until(f"{ROWS}.some((row) => row.textContent === '50000line 50000')")
    assert browser.value(f"{ROWS}.length") < 100
    assert browser.complaints == []


def test_the_log_is_followed_until_one_scrolls_up_and_again_at_a_click(house, site, browser):
    run = at_work(house)
    house.logs.append(run, "build", "".join(f"line {n}\n" for n in range(1, 1_001)))
    shown(browser, site, run)
    browser.until(f"{LAST} === '1000line 1000'")

    house.logs.append(run, "build", "new\n")
    browser.until(f"{LAST} === '1001new'")
    assert browser.value(f"{FOLLOW}.hidden") is True

    browser.value(f"{PANE}.scrollTop -= 2000")
    browser.until(f"!{FOLLOW}.hidden")
    before = browser.value(f"{PANE}.scrollTop")
    house.logs.append(run, "build", "newer\n")
    browser.until(f"{PANE}.scrollHeight >= 1002 * 20")
    assert browser.value(f"{PANE}.scrollTop") == before

    browser.value(f"{FOLLOW}.click()")
    browser.until(f"{LAST} === '1002newer'")


def test_blocks_that_were_followed_are_lines_like_all_others(house, site, browser):
    run = at_work(house)
    house.logs.append(run, "build", "first\n")
    shown(browser, site, run)

    for part in range(3):
        house.logs.append(run, "build", "".join(f"{part} {n}\n" for n in range(700)) + "half")
        house.logs.append(run, "build", " a line\n")

    browser.until(f"{LAST} === '2104half a line'")
    browser.value(f"{PANE}.scrollTop = 0")
    browser.until(f"{ROWS}[0].textContent === '1first'")
    browser.value("location.hash = '#L702'")
    browser.until("document.querySelector('.rows > .on').textContent === '702half a line'")


def test_enter_goes_to_the_next_line_that_holds_the_text_and_shift_enter_back(house, site, browser):
    run = at_work(house)
    house.logs.append(
        run, "build", "".join(f"{n} {'Needle' if n % 1000 == 0 else '-'}\n" for n in range(1, 5001))
    )
    house.store.runs.cancel(run)
    shown(browser, site, run)

    browser.value("document.querySelector('.seek input').focus()")
    browser.type("needle")
    browser.press("Enter")
    browser.until(f"{COUNT} === '1 of 5' && {HIT} === '10001000 Needle'")
    browser.press("Enter")
    browser.until(f"{COUNT} === '2 of 5' && {HIT} === '20002000 Needle'")
    browser.press("Enter", shift=True)
    browser.press("Enter", shift=True)

    browser.until(f"{COUNT} === '5 of 5' && {HIT} === '50005000 Needle'")
    assert browser.value("document.querySelector('.rows mark').textContent") == "Needle"


def test_a_link_to_lines_leads_there_and_is_made_by_clicks(house, site, browser):
    run = at_work(house)
    house.logs.append(run, "build", "".join(f"line {n}\n" for n in range(1, 3001)))
    house.store.runs.cancel(run)

    shown(browser, site, run, "#L1500-L1501")
    browser.until(f"{ROWS}.filter((row) => row.className === 'on').length === 2")
    number = "[...document.querySelectorAll('.rows a')].find((a) => a.textContent === '{}')"
    browser.value(f"{number.format(1503)}.click()")
    browser.value(
        f"{number.format(1505)}.dispatchEvent(new MouseEvent('click', {{bubbles: true, shiftKey: true}}))"
    )

    assert browser.value("location.hash") == "#L1503-L1505"
    browser.until(f"{ROWS}.filter((row) => row.className === 'on').length === 3")


def test_what_a_program_prints_is_text_in_colours_and_never_markup(house, site, browser):
    run = at_work(house)
    lines = (
        "<img src=x onerror=alert(1)>",
        "\x1b[31;1mred\x1b[0m plain",
        "\x1b[38;5;208mo\x1b[38;2;0;187;0mg\x1b[0m\x1b]8;;https://evil.example\x07x\x1b]8;;\x07",
        "a\x08\x00b",
    )
    house.logs.append(run, "build", "\n".join(lines) + "\n")

    shown(browser, site, run)

    assert browser.value(f"{ROWS}.map((row) => row.lastChild.textContent)") == [
        lines[0],
        "red plain",
        "ogx",
        "ab",
    ]
    assert browser.value("document.querySelectorAll('.log .rows img').length") == 0
    assert browser.value("document.querySelector('.rows .f1').className") == "bold f1"
    assert browser.value("document.querySelectorAll('.rows .f3, .rows .f2').length") == 2
    assert browser.complaints == []


def test_a_tab_shows_one_stage_under_the_same_numbers(house, site, browser):
    run = at_work(house)
    house.logs.append(run, "checkout", "a\nb\n")
    house.logs.close(run, "checkout")
    house.logs.append(run, "build", "c\n")
    house.store.runs.cancel(run)
    shown(browser, site, run)

    browser.value("document.querySelector('.tabs [data-stage=build]').click()")

    browser.until(f"{ROWS}.map((row) => row.textContent).join() === '3c'")
    assert browser.value("location.search") == "?stage=build"
