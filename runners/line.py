"""A shell kept open in a container over one connection, which runs constant scripts one after the other: about 2 ms each,
where an exec of its own costs the engine 50.

Only the scripts that a line was opened with are ever run; what differs is their words and their standard input. One
request at a time on a line; whoever finds all lines of a container busy opens another. Never interprets an answer.
"""

import secrets
import socket
import struct
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import docker

from pipeline.fleet.host import Host
from runners.engine_errors import speaking

KEPT = 4  # idle lines to a container
WAIT = 0.05  # seconds for one that is busy: opening another costs an engine more
MOST = 4 << 20  # bytes of an answer
Key = tuple[str, ...]
_FRAME = struct.Struct(">BxxxL")
_OUT = 1

# Its arguments are names and scripts in turn. A request is one line: a mark, a script's name, then the script's words. The
# script's standard input is what follows; what it leaves of that is thrown away up to the mark, which is sent when its
# answer has come. Its errors stand between two marks behind its output, so that the order is sure.
_SHELL = """
while read -r mark name words; do
  script=
  for argument in "$@"; do
    if [ "$script" = next ]; then script=$argument; break; fi
    if [ "$argument" = "$name" ]; then script=next; fi
  done
  { said=$(set -f; sh -c "$script" "$name" $words 2>&1 >&3 3>&-); } 3>&1
  code=$?
  printf '\\n%s %s\\n%s\\n%s\\n' "$mark" "$code" "$said" "$mark"
  while read -r rest && [ "$rest" != "$mark" ]; do :; done
done
"""


@dataclass(frozen=True)
class Reply:
    """What a script wrote, what it said on standard error, and its exit code."""

    out: bytes
    said: str
    code: int


class Gone(Exception):
    """The shell at the other end has ended."""


class Lines:
    """Kept lines by engine, container and scripts. Thread-safe. `close()` ends them; the shells end with their connections."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._idle: defaultdict[Key, list[Line]] = defaultdict(list)
        self._busy: Counter[Key] = Counter()

    def run(
        self,
        client: docker.APIClient,
        host: Host,
        container: str,
        scripts: Mapping[str, str],
        words: Sequence[str],
        payload: bytes,
        timeout: float,
        user: str = "",
    ) -> Reply | None:
        """`words`: a name of `scripts`, then words without blanks. `user`: as whom, else as the container's own. None: no
        answer in time. Raises `RunnerError` kinds.

        A kept line whose container was restarted is dead, and another one is taken: a script may run twice.
        """
        key = (host.engine, container, user, *scripts)
        with speaking(host, "run a script inside a container"):
            while True:
                with self._taken(key) as kept:
                    line = kept or Line(client, container, scripts, user)
                    try:
                        return self._ask(key, line, words, payload, time.monotonic() + timeout)
                    except TimeoutError:
                        return None
                    except Gone:
                        if kept is None:
                            return line.end()

    def close(self) -> None:
        with self._changed:
            lines = [line for idle in self._idle.values() for line in idle]
            self._idle.clear()
        for line in lines:
            line.close()

    @contextmanager
    def _taken(self, key: Key) -> "Iterator[Line | None]":
        """A kept line; None when none is idle soon."""
        with self._changed:
            if self._busy[key]:
                self._changed.wait_for(lambda: self._idle[key], WAIT)
            kept = self._idle[key].pop() if self._idle[key] else None
            self._busy[key] += 1
        try:
            yield kept
        finally:
            with self._changed:
                self._busy[key] -= 1

    def _ask(self, key: Key, line: "Line", words: Sequence[str], payload: bytes, deadline: float) -> Reply:
        """Only a line that gave its whole answer is kept."""
        whole = False
        try:
            reply = line.ask(words, payload, deadline)
            whole = True
            return reply
        finally:
            with self._changed:
                keep = whole and len(self._idle[key]) < KEPT
                if keep:
                    self._idle[key].append(line)
                    self._changed.notify_all()
            if not keep:
                line.close()


class Line:
    """One shell. Raises what the SDK and the socket raise, `Gone`, and `TimeoutError` at a deadline."""

    def __init__(
        self, client: docker.APIClient, container: str, scripts: Mapping[str, str], user: str = ""
    ) -> None:
        given = [word for pair in scripts.items() for word in pair]
        words = ["sh", "-c", _SHELL, "line", *given]
        self._client = client
        self._exec = client.exec_create(container, words, stdin=True, user=user)["Id"]
        stream: Any = client.exec_start(self._exec, socket=True)
        self._stream = stream
        self._socket: socket.socket = getattr(stream, "_sock", stream)
        self._out = bytearray()
        self._err = bytearray()

    def ask(self, words: Sequence[str], payload: bytes, deadline: float) -> Reply:
        mark = secrets.token_hex(8)
        try:
            self._send(f"{mark} {' '.join(words)}\n".encode() + payload, deadline)
            reply = self._reply(mark.encode(), deadline)
            self._send(f"\n{mark}\n".encode(), deadline)
        except ConnectionError as error:
            raise Gone from error
        except TimeoutError as error:
            if error.errno is None:
                raise  # our own patience; else the kernel's, with a host that says nothing any more
            raise Gone from error
        return reply

    def end(self) -> Reply:
        """Why a shell that was just opened ended at once: most often the image has none."""
        code = self._client.exec_inspect(self._exec)["ExitCode"]
        said = bytes(self._out + self._err).decode(errors="replace")
        return Reply(b"", said, int(code if code is not None else 1))

    def close(self) -> None:
        """The connection was upgraded: it never goes back to the pool."""
        response = getattr(self._stream, "_response", None)
        if response is not None:
            response.close()
        self._stream.close()

    def _send(self, data: bytes, deadline: float) -> None:
        self._patience(deadline)
        self._socket.sendall(data)

    def _reply(self, mark: bytes, deadline: float) -> Reply:
        self._out.clear()
        begin, end = b"\n" + mark + b" ", b"\n" + mark + b"\n"
        while not self._out.endswith(end):
            kind, data = self._frame(deadline)
            if not kind or len(self._out) > MOST:
                raise Gone
            (self._out if kind == _OUT else self._err).extend(data)
        out, _, rest = bytes(self._out[: -len(end)]).partition(begin)
        code, _, said = rest.partition(b"\n")
        return Reply(out, said.decode(errors="replace"), int(code))

    def _frame(self, deadline: float) -> tuple[int, bytes]:
        """(stream, bytes); (0, b"") at the end."""
        header = self._exactly(_FRAME.size, deadline)
        if len(header) < _FRAME.size:
            return 0, b""
        kind, size = _FRAME.unpack(header)
        return kind, self._exactly(size, deadline)

    def _exactly(self, size: int, deadline: float) -> bytes:
        """Fewer only at the end of the stream."""
        got = bytearray()
        while len(got) < size:
            self._patience(deadline)
            piece = self._socket.recv(min(65536, size - len(got)))
            if not piece:
                break
            got += piece
        return bytes(got)

    def _patience(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
