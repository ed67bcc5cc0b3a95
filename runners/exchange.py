"""What is asked from inside a container over a kept shell (`runners.line`): above all a TCP exchange, that sends bytes and reads
until the other side closes.

Probes stand where the proxy stands with it, and a proxy's control port never leaves the container's own namespace.
Never interprets what is said. Needs `sh` and one of nc, bash, perl in the image.
"""

import math
import socket
import time
from dataclasses import dataclass

import docker

from pipeline.errors import Rejected, Unreachable
from pipeline.fleet.host import Host
from runners.fence import FENCE, NEWER
from runners.line import Lines

NO_TOOL = 97
_GRACE = 3.0  # for opening the shell, beyond the exchange's own time

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
# $5 a file, $6 a generation: nothing is sent when the file has a higher one.
_FENCED = FENCE + 'newer "$5" "$6"\n' + _SCRIPT
_ROOM = "exec df -Pk /"
# One line each: its number, and what it calls itself, which ends with NUL and not with a new line.
_PROCESSES = """
for process in /proc/[0-9]*; do
  name=
  { read -r name <"$process/cmdline"; } 2>/dev/null
  printf '%s %s\\n' "${process#/proc/}" "$name"
done
"""
_SCRIPTS = {
    **{"exchange": _SCRIPT, "fenced": _FENCED, "knock": _KNOCK},
    **{"room": _ROOM, "processes": _PROCESSES},
}


@dataclass(frozen=True)
class Answer:
    """`error` is empty when the other side answered and closed; else why not, and `data` is what came before.
    `newer`: nothing was sent, since the fence stands at this generation."""

    data: bytes
    error: str = ""
    newer: int = 0


def exchange(
    lines: Lines,
    client: docker.APIClient,
    host: Host,
    container: str,
    address: str,
    payload: bytes,
    timeout: float,
    fence: tuple[str, int] | None = None,
) -> Answer:
    """`fence`: a file, and the highest generation that may stand in it. Raises `Unreachable` when the engine fails,
    `Rejected` when the image cannot do it."""
    ip, _, port = address.rpartition(":")
    words = [ip, port, str(max(1, math.ceil(timeout))), str(len(payload))]
    words = ["fenced", *words, fence[0], str(fence[1])] if fence else ["exchange", *words]
    return _run(lines, client, host, container, words, payload, timeout)


def knock(
    lines: Lines, client: docker.APIClient, host: Host, container: str, address: str, timeout: float
) -> Answer:
    """Does somebody listen there? No bytes are sent. `error` empty: yes."""
    ip, _, port = address.rpartition(":")
    far = f"{socket.inet_aton(ip)[::-1].hex().upper()}:{int(port):04X}"
    words = ["knock", ip, port, str(max(1, math.ceil(timeout))), far]
    answer = _run(lines, client, host, container, words, b"", timeout)
    return Answer(
        b"", "connection refused, or closed at once" if answer.error.endswith("code 1") else answer.error
    )


def room(lines: Lines, client: docker.APIClient, host: Host, container: str, timeout: float) -> str:
    """What `df` says of the disk under the container's root; empty when it has no `df`, or no shell."""
    reply = lines.run(client, host, container, _SCRIPTS, ["room"], b"", timeout)
    return reply.out.decode(errors="replace") if reply and reply.code == 0 else ""


def processes(
    lines: Lines, client: docker.APIClient, host: Host, container: str, timeout: float
) -> dict[int, str]:
    """What each process calls itself, by its number in the container. Without `docker top`, for which the engine runs `ps`
    over all processes of its machine: 3 ms in place of 17. Raises `Unreachable` when there is no answer in time."""
    reply = lines.run(client, host, container, _SCRIPTS, ["processes"], b"", timeout)
    if reply is None or reply.code:
        why = reply.said.strip() if reply else f"no answer within {timeout:g} s"
        raise Unreachable(
            f"Host {host.name}: the processes of container {container} cannot be listed: {why}. Look whether it runs "
            "(docker ps -a) and whether its image has a shell; this is tried again by itself."
        )
    rows = (line.partition(" ") for line in reply.out.decode(errors="replace").splitlines())
    return {int(number): name for number, _, name in rows if number.isdigit()}


def _run(
    lines: Lines,
    client: docker.APIClient,
    host: Host,
    container: str,
    words: list[str],
    payload: bytes,
    timeout: float,
) -> Answer:
    started = time.monotonic()
    reply = lines.run(client, host, container, _SCRIPTS, words, payload, timeout + _GRACE)
    if reply is None:
        return Answer(b"", f"no answer within {timeout:g} s")
    if reply.code == NO_TOOL:
        raise Rejected(
            f"Host {host.name}: container {container[:24]} has none of nc, bash and perl, so nothing can be asked from inside "
            "it. Use an image that has one (the official nginx and haproxy images do)."
        )
    if reply.code == NEWER:
        return Answer(b"", "a newer configuration is there", int(reply.said.split()[0]))
    return Answer(reply.out, _error(reply.code, reply.said, timeout, time.monotonic() - started))


def _error(code: int, said: str, timeout: float, took: float) -> str:
    if code == 0:
        return ""
    text = " ".join(said.split())[-200:]
    if "refused" in text.lower():
        return "connection refused"
    if code in (124, 137, 142, 143) or took >= timeout:
        return f"no answer within {timeout:g} s"
    return text or f"the exchange ended with code {code}"
