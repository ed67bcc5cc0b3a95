"""A daemon is gone when nothing of it is left that could hold its port."""

import platform
import socket
import subprocess
import sys

import pytest

from tests.lab import daemons
from tests.lab.commands import LabError
from tests.parts.house import free_port

LEAVE = {"x86_64": 60, "aarch64": 93}  # exit(2) of one thread alone: syscalls(2)
FIRST_THREAD_DIES = """
import ctypes, signal, socket, sys, threading
signal.signal(signal.SIGTERM, signal.SIG_IGN)
door = socket.create_server(("127.0.0.1", int(sys.argv[1])))
threading.Thread(target=threading.Event().wait).start()
print("up", flush=True)
ctypes.CDLL(None).syscall(int(sys.argv[2]), 0)
"""


@pytest.mark.skipif(
    platform.machine() not in LEAVE, reason="the number of this system call is not known here"
)
def test_daemon_whose_first_thread_is_dead_is_waited_for():
    port = free_port()
    words = [sys.executable, "-c", FIRST_THREAD_DIES, str(port), str(LEAVE[platform.machine()])]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        assert child.stdout.readline() == "up\n"

        daemons.stop([child.pid], seconds=0.2)

        socket.create_server(("127.0.0.1", port)).close()
    assert child.returncode == -9


def test_registry_is_not_begun_where_somebody_listens(tmp_path, monkeypatch):
    monkeypatch.setattr(daemons, "FREE_WITHIN", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        port = somebody.getsockname()[1]
        with pytest.raises(LabError, match=f"somebody listens on 127.0.0.1:{port}"):
            daemons.start_registry(tmp_path / "registry", "127.0.0.1", port)
