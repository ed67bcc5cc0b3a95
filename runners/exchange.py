"""A TCP exchange from inside a container: send bytes, read until the other side closes. By one `docker exec` (about 50 ms).

Probes stand where the proxy stands with it, and a proxy's control port never leaves the container's own namespace.
Never interprets what is said. Needs `sh` and one of nc, bash, perl in the image.
"""

import math
import socket
import struct
import time
from dataclasses import dataclass
from typing import Any

import docker

from pipeline.errors import Rejected
from pipeline.fleet.host import Host
from runners.engine_errors import speaking

NO_TOOL = 97
_GRACE = 3.0  # for the exec itself, beyond the exchange's own time
_MOST = 4 << 20  # bytes that are read at most

# $1 address, $2 port, $3 seconds, $4 bytes to send. Standard input stays open until the answer is there: nc would pass its
# end on as a half-close, which asyncio, Node and Go's contexts take for a client that went away.
_SCRIPT = """
limit=
if command -v timeout >/dev/null 2>&1; then limit="timeout $3"; fi
if command -v nc >/dev/null 2>&1; then exec $limit nc -w "$3" "$1" "$2"; fi
if command -v bash >/dev/null 2>&1; then
  exec $limit bash -c 'exec 3<>"/dev/tcp/$1/$2" || exit 1; head -c "$4" >&3; exec cat <&3' bash "$@"
fi
if command -v perl >/dev/null 2>&1; then
  exec $limit perl -MIO::Socket::INET -e '
    alarm $ARGV[2];
    $s = IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $ARGV[1], Timeout => $ARGV[2]) or die "$@\\n";
    read STDIN, $d, $ARGV[3]; print $s $d;
    syswrite STDOUT, $b while sysread $s, $b, 65536;' "$@"
fi
exit 97
"""


# $1 address, $2 port, $3 seconds, $4 the far end as /proc/net/tcp writes it. Well when the connection is still open 0.3 s
# later: docker's userland proxy accepts for a container in which nobody listens, and closes at once.
_KNOCK = """
if command -v nc >/dev/null 2>&1; then
  exec 3<&0
  nc -w "$3" "$1" "$2" <&3 >/dev/null 2>&1 &
  left=$(($3 * 10)) open=0
  while [ $left -gt 0 ]; do
    sleep 0.1
    if grep -q " $4 01 " /proc/net/tcp; then open=$((open + 1)); else
      if [ $open -gt 0 ] || ! [ -e /proc/$!/fd/0 ]; then exit 1; fi
    fi
    if [ $open -ge 3 ]; then kill $!; exit 0; fi
    left=$((left - 1))
  done
  kill $!
  exit 124
fi
if command -v bash >/dev/null 2>&1; then
  limit=
  if command -v timeout >/dev/null 2>&1; then limit="timeout $3"; fi
  exec $limit bash -c 'exec 3<>"/dev/tcp/$1/$2" || exit 1; read -r -t 0.3 -n 1 -u 3 _; [ $? -ne 1 ]' bash "$@"
fi
if command -v perl >/dev/null 2>&1; then
  exec perl -MIO::Socket::INET -MIO::Select -e '
    $s = IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $ARGV[1], Timeout => $ARGV[2]) or exit 1;
    exit(IO::Select->new($s)->can_read(0.3) && !sysread($s, $b, 1) ? 1 : 0);' "$@"
fi
exit 97
"""


@dataclass(frozen=True)
class Answer:
    """`error` is empty when the other side answered and closed; else why not, and `data` is what came before."""

    data: bytes
    error: str = ""


def exchange(
    client: docker.APIClient, host: Host, container: str, address: str, payload: bytes, timeout: float
) -> Answer:
    """Raises `Unreachable` when the engine fails, `Rejected` when the image cannot do it."""
    ip, _, port = address.rpartition(":")
    words = ["sh", "-c", _SCRIPT, "exchange", ip, port, str(max(1, math.ceil(timeout))), str(len(payload))]
    return _run(client, host, container, words, payload, timeout)


def knock(client: docker.APIClient, host: Host, container: str, address: str, timeout: float) -> Answer:
    """Does somebody listen there? No bytes are sent. `error` empty: yes."""
    ip, _, port = address.rpartition(":")
    far = f"{socket.inet_aton(ip)[::-1].hex().upper()}:{int(port):04X}"
    words = ["sh", "-c", _KNOCK, "knock", ip, port, str(max(1, math.ceil(timeout))), far]
    answer = _run(client, host, container, words, b"", timeout)
    return Answer(
        b"", "connection refused, or closed at once" if answer.error.endswith("code 1") else answer.error
    )


def _run(
    client: docker.APIClient, host: Host, container: str, words: list[str], payload: bytes, timeout: float
) -> Answer:
    started = time.monotonic()
    with speaking(host, "exchange bytes from inside a container"):
        made = client.exec_create(container, words, stdin=True)["Id"]
        stream: Any = client.exec_start(made, socket=True)
        try:
            out, said = _talk(getattr(stream, "_sock", stream), payload, time.monotonic() + timeout + _GRACE)
        except TimeoutError:
            return Answer(b"", f"no answer within {timeout:g} s")
        finally:
            _close(stream)
        code = client.exec_inspect(made)["ExitCode"]
    if code == NO_TOOL:
        raise Rejected(
            f"Host {host.name}: container {container[:24]} has none of nc, bash and perl, so nothing can be asked from inside "
            "it. Use an image that has one (the official nginx and haproxy images do)."
        )
    return Answer(out, _error(code, said, timeout, time.monotonic() - started))


def _talk(raw: socket.socket, payload: bytes, deadline: float) -> tuple[bytes, bytes]:
    """(stdout, stderr) of the exec's multiplexed stream."""
    _patience(raw, deadline)
    raw.sendall(payload)
    parts: dict[int, bytearray] = {1: bytearray(), 2: bytearray()}
    while len(parts[1]) < _MOST:
        header = _exactly(raw, 8, deadline)
        if len(header) < 8:
            break
        kind, size = struct.unpack(">BxxxL", header)
        parts.setdefault(kind, bytearray()).extend(_exactly(raw, size, deadline))
    return bytes(parts[1]), bytes(parts[2])


def _exactly(raw: socket.socket, size: int, deadline: float) -> bytes:
    """Fewer only at the end of the stream."""
    got = bytearray()
    while len(got) < size:
        _patience(raw, deadline)
        piece = raw.recv(min(65536, size - len(got)))
        if not piece:
            break
        got += piece
    return bytes(got)


def _patience(raw: socket.socket, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    raw.settimeout(left)


def _close(stream: Any) -> None:
    """The connection was upgraded: it never goes back to the pool."""
    response = getattr(stream, "_response", None)
    if response is not None:
        response.close()
    stream.close()


def _error(code: int | None, said: bytes, timeout: float, took: float) -> str:
    if code == 0:
        return ""
    text = " ".join(said.decode(errors="replace").split())[-200:]
    if "refused" in text.lower():
        return "connection refused"
    if code in (124, 137, 142, 143) or took >= timeout:
        return f"no answer within {timeout:g} s"
    return text or f"the exchange ended with code {code}"
