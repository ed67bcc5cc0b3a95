"""The constant scripts of the exchange, run here with each of the tools that an image may have."""

import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from runners import exchange
from runners.exchange import NO_TOOL

BASE = ("sh", "timeout", "head", "cat", "sleep", "grep")
TOOLS = [tool for tool in ("bash", "perl") if shutil.which(tool)]


@pytest.fixture
def tools(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """An environment whose PATH holds the basics and these."""

    def only(*names: str) -> dict[str, str]:
        for name in (*BASE, *names):
            found = shutil.which(name)
            assert found, f"{name} is not installed here"
            (tmp_path / name).symlink_to(found)
        return {"PATH": str(tmp_path)}

    return only


class Echo:
    """Answers one line a connection with `hello` and closes, unless the client closes its side first."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.heard: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wakes the thread first: one that still waits takes connections of whoever gets the number of our socket next."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self.listener.close()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            with line:
                line.settimeout(5)
                got = line.recv(65536)
                self.heard.append(got)
                line.settimeout(0.3)
                try:
                    half_closed = line.recv(1) == b""
                except TimeoutError:
                    half_closed = False
                line.sendall(b"half-closed" if half_closed else b"hello\r\n")


@pytest.fixture
def echo() -> Iterator[Echo]:
    made = Echo()
    yield made
    made.close()


def run(script: str, env: dict[str, str], *words: str, payload: bytes = b"") -> tuple[int, bytes]:
    """As `docker exec` does it: standard input stays open until the script ends, and it may end without reading."""
    shell = str(Path(env["PATH"]) / "sh")
    with subprocess.Popen(
        [shell, "-c", script, "x", *words], stdin=-1, stdout=-1, stderr=-1, env=env, bufsize=0
    ) as process:
        assert process.stdin
        assert process.stdout
        with suppress(BrokenPipeError):
            process.stdin.write(payload)
        said = process.stdout.read()
        code = process.wait(10)
    return code, said


@pytest.mark.parametrize("tool", TOOLS)
def test_bytes_go_as_they_are_and_the_connection_is_not_half_closed(tool: str, tools, echo: Echo):
    payload = b"GET /$(id)'\"`;%s HTTP/1.1\r\n\r\n\n"
    answer = run(
        exchange._SCRIPT, tools(tool), "127.0.0.1", str(echo.port), "5", str(len(payload)), payload=payload
    )

    assert answer == (0, b"hello\r\n")
    assert echo.heard == [payload]


@pytest.mark.parametrize("tool", TOOLS)
def test_nobody_there_is_a_failure(tool: str, tools):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]

    assert run(exchange._SCRIPT, tools(tool), "127.0.0.1", str(port), "2", "1", payload=b"x")[0] not in (
        0,
        NO_TOOL,
    )


@pytest.mark.parametrize("script", [exchange._SCRIPT, exchange._KNOCK])
def test_image_without_any_tool_has_a_code_of_its_own(script: str, tools):
    assert run(script, tools(), "127.0.0.1", "1", "1", "0")[0] == NO_TOOL


@pytest.mark.parametrize("tool", TOOLS)
def test_open_port_is_well_and_one_that_closes_at_once_is_not(tool: str, tools, echo: Echo):
    env = tools(tool)
    far = f"0100007F:{echo.port:04X}"
    with socket.create_server(("127.0.0.1", 0)) as slammer:
        port = slammer.getsockname()[1]
        door = threading.Thread(target=lambda: slammer.accept()[0].close(), daemon=True)
        door.start()

        assert run(exchange._KNOCK, env, "127.0.0.1", str(echo.port), "2", far)[0] == 0
        assert run(exchange._KNOCK, env, "127.0.0.1", str(port), "2", f"0100007F:{port:04X}")[0] == 1
        door.join(5)
    assert run(exchange._KNOCK, env, "127.0.0.1", str(port), "2", f"0100007F:{port:04X}")[0] == 1


@pytest.mark.parametrize("shell", [s for s in (["dash"], ["bash"], ["busybox", "sh"]) if shutil.which(s[0])])
def test_processes_say_what_they_call_themselves(shell: list[str]):
    title = "nginx: worker process is shutting down"
    with subprocess.Popen([title, "60"], executable=shutil.which("sleep")) as process:
        try:
            words = [*shell, "-c", exchange._PROCESSES]
            done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=30)
        finally:
            process.kill()

    rows = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert rows[str(process.pid)].startswith(title)
    assert done.stderr == ""
