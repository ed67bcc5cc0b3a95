"""A headless Chromium, driven through a pair of pipes (its own DevTools protocol), with a profile of its own.

with Browser(tmp_path) as browser: browser.open(url); browser.until("document.title === 'x'"); browser.value("1 + 1")

`renew` is a browser that nobody has used, without the seconds that Chromium takes to start.
"""

import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

DEADLINE = 60.0  # seconds for anything that is awaited
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
)

# Chromium reads its orders from descriptor 3 and answers on 4
PIPED = """
import fcntl, os, sys
orders, answers = (fcntl.fcntl(int(n), fcntl.F_DUPFD, 10) for n in sys.argv[1:3])
os.dup2(orders, 3), os.dup2(answers, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


def chromium() -> str:
    """Where it is; without it the test is skipped with the reason, or fails when CI=true."""
    found = shutil.which("chromium")
    if found:
        return found
    missing = "Chromium is not on this machine: as root, run `apt-get install chromium`."
    if os.environ.get("CI") == "true" or os.environ.get("SHIPWAY_REQUIRE_LIVE") == "1":
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)


class Browser:
    def __init__(self, folder: Path, width: int = 1440, height: int = 900) -> None:
        self._flags = [*FLAGS, f"--user-data-dir={folder / 'profile'}", f"--window-size={width},{height}"]
        self._number = 0
        self._read = b""
        self._session = ""
        self._page = ""
        self.complaints: list[str] = []  # what the page's console was told: refused scripts, errors

    def __enter__(self) -> "Browser":
        theirs, self._to = os.pipe()
        self._from, ours = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-c", PIPED, str(theirs), str(ours), chromium(), *self._flags, "about:blank"],
            pass_fds=(theirs, ours),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        os.close(ours)
        self._attach()
        return self

    def _attach(self) -> None:
        self._page = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=self._page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def renew(self) -> None:
        """Another page, no cookies, an empty cache, and nothing was complained of."""
        self.call("Network.clearBrowserCookies")
        self.call("Network.clearBrowserCache")
        self._session, old = "", self._page
        self._attach()
        self.call("Target.closeTarget", targetId=old)
        self.complaints.clear()

    def __exit__(self, *gone: object) -> None:
        self._process.terminate()
        self._process.wait(20)
        os.close(self._to)
        os.close(self._from)

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def value(self, expression: str) -> Any:
        found = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise AssertionError(f"{expression}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def until(self, expression: str) -> None:
        """Looks at each frame that the browser draws."""
        look = f"(() => {{ try {{ return {expression} }} catch (error) {{ return false }} }})()"
        promise = (
            f"new Promise((done) => {{ const end = performance.now() + {DEADLINE * 1000:.0f};"
            f" const step = () => {look} ? done(true) : performance.now() > end ? done(false)"
            " : requestAnimationFrame(step); step() })"
        )
        if not self.value(promise):
            raise AssertionError(f"{expression} did not become true within {DEADLINE:g} s.")

    def press(self, key: str, *, shift: bool = False) -> None:
        code = {"Enter": 13, "Escape": 27}.get(key, 0)
        held = {"key": key, "modifiers": 8 if shift else 0, "windowsVirtualKeyCode": code}
        text = {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **held, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **held)

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def cookie(self, name: str, value: str, url: str) -> None:
        self.call("Network.setCookie", name=name, value=value, url=url)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        order = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            order["sessionId"] = self._session
        os.write(self._to, json.dumps(order).encode() + b"\0")
        while True:
            answer = self._answer()
            if answer.get("id") != self._number:
                self._noted(answer)
            elif "error" in answer:
                raise AssertionError(f"{method}: {answer['error']}")
            else:
                result: dict[str, Any] = answer["result"]
                return result

    def _answer(self) -> dict[str, Any]:
        end = time.monotonic() + 2 * DEADLINE
        while b"\0" not in self._read:
            if not select.select([self._from], [], [], max(0.0, end - time.monotonic()))[0]:
                raise AssertionError("Chromium does not answer.")
            piece = os.read(self._from, 1 << 16)
            if not piece:
                raise AssertionError("Chromium is gone.")
            self._read += piece
        one, _, self._read = self._read.partition(b"\0")
        found: dict[str, Any] = json.loads(one)
        return found

    def _noted(self, told: dict[str, Any]) -> None:
        if told.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(told["params"]["exceptionDetails"]))
        if told.get("method") == "Log.entryAdded":
            self.complaints.append(told["params"]["entry"]["text"])
