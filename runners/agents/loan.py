"""The cable of another machine of the control plane at our door: each of its streams is one connection to the socket of the
host that it is for. The other side opens streams and names nothing; fences stay the agent's business.
"""

import socket
import ssl
from collections.abc import Callable

from runners.agents.agent import refuse
from runners.agents.cable import VERSION, Cable, words_of
from runners.agents.stream import HELLO, Loop, Stream


class Loan:
    """`path`: the host's socket here. `ended` is called once, with this."""

    def __init__(
        self,
        loop: Loop,
        line: ssl.SSLSocket,
        host: str,
        path: str,
        ended: Callable[["Loan"], None],
        quiet: float,
    ) -> None:
        self.host = host
        self._path = path
        self.cable = Cable(loop, line, lambda why, seconds: ended(self), self._opened, quiet)

    def begin(self) -> None:
        self.cable.send(HELLO, 0, VERSION.encode())
        self.cable.pump()

    def _opened(self, stream: Stream) -> None:
        near = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        near.setblocking(False)
        try:
            near.connect(self._path)
        except OSError as error:
            near.close()
            refuse(
                stream, 502, f"The agent of {self.host} cannot be reached at this door: {words_of(error)}."
            )
            return
        stream.attach(near)
