"""Connections through an agent are connections: bytes in order, half-closes, each at the speed of its own reader."""

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path

from tests.parts.agents import call, echo, everything, until
from tests.runners.agents.ground import Ground

MUCH = 8 << 20


def test_what_goes_in_comes_out_and_a_half_close_ends_one_direction_only(ground: Ground):
    data = os.urandom(MUCH)

    with call(ground.connected()) as line:
        sender = threading.Thread(target=lambda: (line.sendall(data), line.shutdown(socket.SHUT_WR)))
        sender.start()
        said = everything(line)
        sender.join()

    assert said == data


def test_engine_that_ends_first_is_still_spoken_to(ground: Ground):
    heard: list[bytes] = []

    def answer(line: socket.socket) -> None:
        line.recv(5)
        line.sendall(b"done")
        line.shutdown(socket.SHUT_WR)
        heard.append(everything(line))

    with call(ground.connected(answer)) as line:
        line.sendall(b"hello")
        assert everything(line) == b"done"
        line.sendall(b"and more")
        line.shutdown(socket.SHUT_WR)
        until(lambda: heard == [b"and more"], 5, "the engine never heard it")


def test_many_connections_go_side_by_side(ground: Ground):
    path = ground.connected()
    lines = [call(path) for _ in range(100)]
    for number, line in enumerate(lines):
        line.sendall(b"%d " % number * 2000)
    for line in lines:
        line.shutdown(socket.SHUT_WR)

    assert [everything(line).split()[-1] for line in lines] == [b"%d" % number for number in range(100)]

    for line in lines:
        line.close()


def test_reader_that_is_slow_holds_up_nobody_and_fills_no_memory(ground: Ground):
    def answer(line: socket.socket) -> None:
        word = line.recv(5)
        while word == b"flood":
            line.sendall(b"x" * 65536)
        line.sendall(word)

    path = ground.connected(answer)
    with call(path) as slow:
        slow.sendall(b"flood")
        for _ in range(20):
            with call(path) as quick:
                quick.sendall(b"hello")
                assert everything(quick) == b"hello"
        held = _resident(ground.agents[0].process.pid)

    assert held < 25 << 20


def test_engine_that_is_slow_holds_up_nobody(ground: Ground):
    free = threading.Event()

    def answer(line: socket.socket) -> None:
        word = line.recv(5)
        if word == b"stuck":
            free.wait(20)
        line.sendall(word)

    path = ground.connected(answer)
    with call(path, 0.5) as stuck:
        with suppress(TimeoutError):
            stuck.sendall(b"stuck" + b"x" * MUCH)
        with call(path) as quick:
            quick.sendall(b"hello")
            assert quick.recv(5) == b"hello"
        free.set()


def test_connection_that_says_nothing_reaches_no_engine(ground: Ground):
    opened: list[socket.socket] = []

    def answer(line: socket.socket) -> None:
        opened.append(line)
        echo(line)

    path = ground.connected(answer)
    call(path).close()
    with call(path) as line:
        line.sendall(b"x")
        assert line.recv(1) == b"x"

    assert len(opened) == 1


def test_caller_that_goes_away_ends_its_connection_to_the_engine(ground: Ground):
    ended = threading.Event()

    def answer(line: socket.socket) -> None:
        echo(line)
        ended.set()

    path = ground.connected(answer)
    with call(path) as line:
        line.sendall(b"x")
        line.recv(1)

    assert ended.wait(5)


def test_engine_that_does_not_run_is_told_as_an_answer(ground: Ground):
    ground.agent(ground.folder / "nobody.sock")

    with call(ground.door.connected()) as line:
        line.sendall(b"GET /version HTTP/1.1\r\n\r\n")
        said = everything(line).decode()

    assert said.startswith("HTTP/1.1 502 ")
    assert "nobody.sock: No such file or directory. Look there: `systemctl status docker`." in said


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
