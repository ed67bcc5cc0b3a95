"""Kept shells, over a stand-in of the engine that runs the same words as a process of this machine and frames its streams."""

import errno
import os
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.errors import Unreachable
from pipeline.fleet.host import Host
from runners.line import Line, Lines

HOST = Host("web-1", "unix:///nowhere", "127.0.0.1")
SCRIPTS = {
    "echo": 'head -c "$1"',
    "words": 'printf "%s|" "$@"',
    "fail": "echo no luck >&2; echo half; exit 7",
    "deaf": "exit 0",
    "zeros": r"printf 'a\000b'",
    "hang": "sleep 60",
    "who": "echo $PPID",
}
SHELLS = [shell for shell in (["dash"], ["bash"], ["busybox", "sh"]) if shutil.which(shell[0])]


class Engine:
    """Stands in for `docker.APIClient`."""

    def __init__(self, shell: list[str]) -> None:
        self.shell = shell
        self.processes: list[subprocess.Popen[bytes]] = []
        self._words: list[str] = []
        self.users: list[str] = []

    def exec_create(self, container: str, words: list[str], stdin: bool, user: str) -> dict[str, str]:
        assert stdin
        self.users.append(user)
        self._words = [*self.shell, *words[1:]]
        return {"Id": "exec"}

    def exec_start(self, made: str, socket: bool) -> Any:
        return self._serve(self._words)

    def exec_inspect(self, made: str) -> dict[str, int]:
        return {"ExitCode": self.processes[-1].wait(5)}

    def _serve(self, words: list[str]) -> Any:
        ours, theirs = socket.socketpair()
        process = subprocess.Popen(words, stdin=theirs, stdout=-1, stderr=-1, start_new_session=True)
        self.processes.append(process)
        threads = [
            threading.Thread(target=self._frame, args=(theirs, kind, pipe), daemon=True)
            for kind, pipe in ((1, process.stdout), (2, process.stderr))
        ]
        for thread in threads:
            thread.start()
        threading.Thread(target=self._hang_up, args=(theirs, threads), daemon=True).start()
        return SimpleNamespace(_sock=ours, close=ours.close)

    @staticmethod
    def _frame(wire: socket.socket, kind: int, pipe: Any) -> None:
        with pipe:
            while piece := pipe.read1(4096):
                wire.sendall(struct.pack(">BxxxL", kind, len(piece)) + piece)

    @staticmethod
    def _hang_up(wire: socket.socket, threads: list[threading.Thread]) -> None:
        for thread in threads:
            thread.join()
        wire.close()


@pytest.fixture(params=SHELLS, ids=lambda words: words[0])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    made = Engine(request.param)
    yield made
    for process in made.processes:
        process.kill()
        process.wait(5)


@pytest.fixture
def lines() -> Iterator[Lines]:
    made = Lines()
    yield made
    made.close()


def run(lines: Lines, engine: Any, *words: str, payload: bytes = b"", timeout: float = 5) -> Any:
    return lines.run(engine, HOST, "proxy", SCRIPTS, words, payload, timeout)


def test_one_shell_answers_one_after_the_other(lines: Lines, engine: Engine):
    payload = b"GET /$(id)'\"`;%s\r\n\r\n\n"

    answers = [run(lines, engine, "echo", str(len(payload)), payload=payload) for _ in range(20)]

    assert {(a.out, a.code, a.said) for a in answers} == {(payload, 0, "")}
    assert len(engine.processes) == 1


def test_a_shell_of_one_user_never_runs_the_scripts_of_another(lines: Lines, engine: Engine):
    place = engine, HOST, "box", SCRIPTS
    for user in ("", "0", "0", ""):
        lines.run(*place, ("words", "x"), b"", 5, user=user)

    assert engine.users == ["", "0"]


def test_words_arrive_as_words_and_nothing_in_them_is_run_or_expanded(lines: Lines, engine: Engine):
    assert run(lines, engine, "words", "$(id)", "*", "`id`", "a;b", "$HOME").out == b"$(id)|*|`id`|a;b|$HOME|"


def test_errors_and_code_come_behind_the_output(lines: Lines, engine: Engine):
    reply = run(lines, engine, "fail")

    assert (reply.out, reply.said, reply.code) == (b"half\n", "no luck", 7)


def test_what_a_script_leaves_unread_is_never_taken_for_a_request(lines: Lines, engine: Engine):
    for _ in range(50):
        run(lines, engine, "deaf", payload=b"x words evil\n" * 20)

        assert run(lines, engine, "words", "next").out == b"next|"
    assert len(engine.processes) == 1


def test_zero_bytes_arrive(lines: Lines, engine: Engine):
    assert run(lines, engine, "zeros").out == b"a\0b"


def test_script_that_hangs_costs_its_line_and_no_other(lines: Lines, engine: Engine):
    late = run(lines, engine, "hang", timeout=0.3)

    assert late is None
    assert run(lines, engine, "words", "next").out == b"next|"
    assert len(engine.processes) == 2


def test_shell_that_was_killed_is_replaced_without_a_word(lines: Lines, engine: Engine):
    run(lines, engine, "words", "first")
    engine.processes[0].kill()
    engine.processes[0].wait(5)

    assert run(lines, engine, "words", "second").out == b"second|"
    assert len(engine.processes) == 2


def test_askers_side_by_side_get_their_own_answers(lines: Lines, engine: Engine):
    def ask(number: int) -> bytes:
        return bytes(run(lines, engine, "words", str(number)).out)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(200)))

    assert answers == [f"{number}|".encode() for number in range(200)]


def test_shells_end_with_their_lines(engine: Engine):
    lines = Lines()
    run(lines, engine, "words", "first")

    lines.close()

    assert engine.processes[0].wait(5) == 0


def test_image_without_a_shell_says_so(lines: Lines):
    engine = Engine(["false"])

    reply = run(lines, engine, "words", "first")

    assert (reply.out, reply.code) == (b"", 1)


def test_a_host_that_fell_silent_is_not_taken_for_a_script_that_took_too_long(
    lines: Lines, engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    """The kernel gives up first, by TCP_USER_TIMEOUT; Python names that as it names a socket's own patience."""
    run(lines, engine, "words", "first")

    def silent(line: Line, data: bytes, deadline: float) -> None:
        raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))

    monkeypatch.setattr(Line, "_send", silent)
    monkeypatch.setattr(Engine, "exec_inspect", lambda engine, made: silent(None, b"", 0.0))

    with pytest.raises(Unreachable, match="no answer"):
        run(lines, engine, "words", "second")
