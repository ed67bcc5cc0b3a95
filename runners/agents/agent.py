"""The agent: what a host without an open port runs. It dials out to Shipway and carries its engine's API, and nothing else.

Listens nowhere and opens one thing, its engine's socket: no word of the other side names a place. What changes a proxy
comes with a fence, the generation of its site; one below the highest that was seen here, ever, is refused. Last part of
the agent, and the only one that runs by itself.
"""

import os
import re
import signal
import socket
import ssl
import sys
import time

from runners.agents.cable import QUIET, VERSION, Cable, plain, words_of
from runners.agents.stream import DATA, HELLO, RESET, TYPE_CHECKING, Loop, Stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REQUEST = "GET /agent HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: shipway-agent\r\n\r\n"
FENCE = re.compile(r"FENCE ([A-Za-z0-9._@-]{1,200}) ([0-9]{1,18})")
USUAL = {
    "SHIPWAY_AGENT_CA": "/etc/shipway/ca.pem",
    "SHIPWAY_AGENT_CERT": "/etc/shipway/client.pem",
    "SHIPWAY_AGENT_KEY": "/etc/shipway/key.pem",
    "SHIPWAY_AGENT_ENGINE": "/var/run/docker.sock",
    "SHIPWAY_AGENT_FENCES": "/var/lib/shipway-agent/fences",
    "SHIPWAY_AGENT_QUIET": str(QUIET),
}
PATIENCE = 10  # seconds for the other side to take up the connection
LONGEST = 30.0  # seconds between two tries
STEADY = 60.0  # seconds; a connection that lived so long begins the pauses anew
REFUSAL = (
    "HTTP/1.1 {} Agent\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n"
)


class Fences:
    """The highest fence of each site that came here, in a file: neither our end nor the machine's forgets one."""

    def __init__(self, path: str) -> None:
        self._path = path
        os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
        self._known: "dict[str, int]" = {}
        if os.path.exists(path):
            with open(path) as file:
                rows = [line.split() for line in file]
            self._known = {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}

    def higher(self, site: str, fence: int) -> int:
        """0: it is the highest, and is remembered from now on. Else the one above it."""
        known = self._known.get(site, 0)
        if fence > known:
            self._keep(dict(self._known, **{site: fence}))
        return known if known > fence else 0

    def _keep(self, known: "dict[str, int]") -> None:
        new = self._path + ".new"
        with open(new, "w") as file:
            file.write("".join("{} {}\n".format(*row) for row in sorted(known.items())))
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self._path)
        self._known = known


class Agent:
    """What is done with a stream of the other side: its fence is looked at, then it is one connection to the engine."""

    def __init__(self, engine: str, fences: Fences) -> None:
        self._engine = engine
        self._fences = fences

    def begin(self, stream: Stream) -> None:
        if not stream.held.startswith(b"F"):  # no HTTP method of an engine does
            self._connect(stream)
            return
        line, end, _ = bytes(stream.held[:300]).partition(b"\n")
        found = FENCE.fullmatch(line.decode("ascii", "replace"))
        if found and end:
            stream.settle(len(line) + 1)
            self._admit(stream, found.group(1), int(found.group(2)))
        elif end or len(stream.held) > 300:
            refuse(
                stream,
                400,
                "The agent does not understand this fence. Bring it and Shipway to the same version.",
            )

    def _admit(self, stream: Stream, site: str, fence: int) -> None:
        try:
            higher = self._fences.higher(site, fence)
        except OSError as error:
            refuse(
                stream,
                503,
                f"The agent cannot remember a fence: {words_of(error)}. Look at that machine's disk.",
            )
            return
        if higher:
            refuse(
                stream,
                412,
                f"Proxy {site}: it has generation {higher}, and this was generation {fence}: somebody changed it since. "
                "Nothing was changed; whoever holds the deployment looks again and goes on from there.",
            )
            return
        stream.fence = (site, fence)
        for other in list(stream.cable.streams.values()):
            if other.fence[0] == site and other.fence[1] < fence:
                other.reset()  # what it has begun ends here
        self._connect(stream)

    def _connect(self, stream: Stream) -> None:
        near = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        near.setblocking(False)
        try:
            near.connect(self._engine)
        except OSError as error:
            near.close()
            refuse(
                stream,
                502,
                f"The agent cannot open its engine at {self._engine}: {words_of(error)}. "
                "Look there: `systemctl status docker`.",
            )
            return
        stream.attach(near)


def refuse(stream: Stream, status: int, sentence: str) -> None:
    """An answer in place of the engine's."""
    body = '{{"message": "{}"}}'.format(sentence.replace("\\", "/").replace('"', "'"))
    head = REFUSAL.format(status, len(body))
    stream.cable.send(DATA, stream.number, (head + body).encode("ascii", "replace"))
    stream.cable.send(RESET, stream.number)
    stream.cable.drop(stream)


def dial(address: str, settings: "Mapping[str, str]") -> "tuple[ssl.SSLSocket, bytes]":
    """A connection that the other side took up, and what it said already. The certificate is read each time: it may have
    been renewed. Raises OSError, ValueError."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks names and needs a certificate
    if hasattr(context, "minimum_version"):  # Python 3.7; before, what the machine's OpenSSL allows
        context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(settings["SHIPWAY_AGENT_CA"])
    context.load_cert_chain(settings["SHIPWAY_AGENT_CERT"], settings["SHIPWAY_AGENT_KEY"])
    raw = socket.create_connection((host, int(port)), PATIENCE)
    try:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line = context.wrap_socket(raw, server_hostname=host)
    except BaseException:
        raw.close()
        raise
    try:
        line.sendall(REQUEST.format(address).encode("ascii"))
        return line, taken_up(line)
    except BaseException:
        line.close()
        raise


def taken_up(line: ssl.SSLSocket) -> bytes:
    """What came behind its consent. Raises ConnectionError with what it said instead."""
    said = b""
    while b"\r\n\r\n" not in said and len(said) < 8192:
        piece = line.recv(4096)
        if not piece:
            break
        said += piece
    head, _, rest = said.partition(b"\r\n\r\n")
    if head.split(b" ")[1:2] != [b"101"]:
        raise ConnectionError("it answered " + (plain(said) or "nothing"))
    return rest


def carry(line: ssl.SSLSocket, said: bytes, agent: Agent, quiet: float) -> "tuple[str, int]":
    """Until the connection ends: why, and after how many seconds to come again at the earliest."""
    ended: "list[tuple[str, int]]" = []
    loop = Loop()
    cable = Cable(loop, line, lambda why, seconds: ended.append((why, seconds)), agent.begin, quiet)
    try:
        cable.send(HELLO, 0, VERSION.encode())
        cable.heard(said)
        cable.pump()
        while not ended:
            pause = cable.tick()
            if not ended:
                loop.turn(pause)
    finally:
        if cable.alive:
            cable.bye("it was stopped on the host")
        loop.close()
    return ended[0]


def pauses() -> "Iterator[float]":
    """Longer each time, and never the same for two hosts: a thousand of them do not come back in one moment."""
    longest = 1.0
    while True:
        yield longest * (0.5 + os.urandom(1)[0] / 512)
        longest = min(LONGEST, longest * 2)


def attend(settings: "Mapping[str, str]") -> None:
    """For ever: one connection, to the first of the controllers that takes it up."""
    agent = Agent(settings["SHIPWAY_AGENT_ENGINE"], Fences(settings["SHIPWAY_AGENT_FENCES"]))
    quiet = float(settings["SHIPWAY_AGENT_QUIET"])
    waits = pauses()
    while True:
        for address in settings["SHIPWAY_AGENT_CONTROLLERS"].split():
            began, again = time.monotonic(), 0
            try:
                line, said = dial(address, settings)
                say(f"connected to {address}")
                why, again = carry(line, said, agent, quiet)
            except (OSError, ValueError) as error:
                why = words_of(error) if isinstance(error, OSError) else str(error)
            if time.monotonic() - began > STEADY:
                waits = pauses()
            say(f"not connected to {address}: {why}")
            time.sleep(max(next(waits), again))


def say(text: str) -> None:
    sys.stderr.write(f"shipway agent: {text}\n")
    sys.stderr.flush()


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if not os.environ.get("SHIPWAY_AGENT_CONTROLLERS"):
        say("SHIPWAY_AGENT_CONTROLLERS is not set: where is Shipway's door? See /etc/shipway/agent.env")
        sys.exit(2)
    attend(dict(USUAL, **os.environ))


if __name__ == "__main__":
    main()
