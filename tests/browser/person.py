"""What the person in front of the browser does, and what her browser complains of."""

import re
from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, WebError, expect

from tests.parts.house import House

NAME, PASSWORD = "ada", "correct horse battery staple"


@dataclass
class Complaints:
    """Errors of scripts, refusals of the content security policy, and all else that the console calls an error or a warning."""

    heard: list[str] = field(default_factory=list)

    def listen(self, context: BrowserContext) -> None:
        context.on("console", self._console)
        context.on("weberror", self._error)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.heard.append(f"{message.page.url if message.page else ''}: {message.text}")

    def _error(self, error: WebError) -> None:
        self.heard.append(str(error.error))


def became_ada(page: Page, house: House) -> None:
    """The first user, by the link that `up` printed."""
    link = re.search(r"/welcome\?ticket=\S+", house.log(100_000))
    assert link, house.log()
    page.goto(link[0])
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Begin").click()
    expect(page.locator(".who")).to_contain_text(NAME)


def sign_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def stays(page: Page) -> None:
    """A mark that a page which is loaded anew has not."""
    page.evaluate("window.stayed = true")


def stayed(page: Page) -> bool:
    return bool(page.evaluate("window.stayed === true"))
