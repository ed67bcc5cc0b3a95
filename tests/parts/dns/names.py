"""A name server on loopback that answers as a provider's would, over UDP, and the resolver that asks it (RFC 1035).

One answer a query, drawn by the shares that the records amount to. A and AAAA records alone.
"""

import os
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address

TYPES = {"A": 1, "AAAA": 28}
CLASS = 1
TTL = 1
Shares = Callable[[str], Mapping[str, float]]  # of a name: address -> its share


class NameServer:
    """`asked`: how many queries it answered."""

    def __init__(self, shares: Shares, seed: int = 7) -> None:
        self._shares = shares
        self._dice = random.Random(seed)  # noqa: S311 (no secret)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.asked = 0

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def serve(self) -> None:
        """Until it is closed: an empty packet ends it."""
        while True:
            packet, sender = self._socket.recvfrom(4096)
            if not packet:
                return
            self._socket.sendto(self._answered(packet), sender)
            self.asked += 1

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ender:
            ender.sendto(b"", ("127.0.0.1", self.port))

    def _answered(self, packet: bytes) -> bytes:
        number = packet[:2]
        name, end = read_name(packet, 12)
        kind = struct.unpack("!H", packet[end : end + 2])[0]
        found = {
            value: share
            for value, share in self._shares(name).items()
            if share > 0 and TYPES.get("AAAA" if ":" in value else "A") == kind
        }
        drawn = self._dice.choices(list(found), list(found.values()))[:1] if found else []
        head = number + struct.pack("!HHHHH", 0x8500, 1, len(drawn), 0, 0)
        body = b"".join(
            b"\xc0\x0c"
            + struct.pack("!HHIH", kind, CLASS, TTL, len(ip_address(one).packed))
            + ip_address(one).packed
            for one in drawn
        )
        return head + packet[12 : end + 4] + body


def read_name(packet: bytes, at: int) -> tuple[str, int]:
    labels = []
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    return ".".join(labels), at + 1


def resolve(port: int, name: str, kind: str = "A") -> str:
    """The one address that it is told; empty: none."""
    question = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    question += struct.pack("!HH", TYPES[kind], CLASS)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(5)
        number = os.urandom(2)
        asker.sendto(number + struct.pack("!HHHHH", 0x0100, 1, 0, 0, 0) + question, ("127.0.0.1", port))
        packet = asker.recv(4096)
    assert packet[:2] == number
    if struct.unpack("!H", packet[6:8]) == (0,):
        return ""
    at = 12 + len(question) + 2
    length = struct.unpack("!H", packet[at + 8 : at + 10])[0]
    return str(ip_address(packet[at + 10 : at + 10 + length]))


@contextmanager
def name_server(shares: Shares) -> Iterator[NameServer]:
    server = NameServer(shares)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(5)
        server._socket.close()
