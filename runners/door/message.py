"""One request and one answer of the door: the little of HTTP/1.1 that a host's script needs, read strictly.

A head of at most 8 KiB, a body whose length is said; nothing chunked, nothing kept alive, nothing guessed.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

LARGEST_HEAD = 8 << 10
LARGEST_BODY = 32 << 10
REQUEST = re.compile(r"([A-Z]{3,7}) (/[!-~]{0,200}) HTTP/1\.1")
HEADER = re.compile(r"([A-Za-z0-9-]{1,60}): *([ -~]{0,4000}?) *")

Receive = Callable[[int], bytes]  # at most so many bytes; empty at the end


@dataclass(frozen=True)
class Asked:
    """`peer`: the address that we see; `serial`: of the client certificate that was shown and is of our authority, in
    hexadecimal, else empty. Whether it was revoked is not known here."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    peer: str = ""
    serial: str = ""


@dataclass(frozen=True)
class Answered:
    status: int
    body: bytes = b""
    kind: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    def bytes(self) -> bytes:
        head = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        said = {"Content-Type": self.kind, "Content-Length": str(len(self.body)), "Connection": "close"}
        head += [f"{name}: {value}" for name, value in {**said, **self.headers}.items()]
        return "\r\n".join([*head, "", ""]).encode() + self.body


class Malformed(Exception):
    """Not a request that we answer; `status` and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def read_request(receive: Receive) -> Asked:
    """Raises `Malformed`. Reads nothing beyond the body: what an upgraded connection says next is not ours."""
    head, rest = _head(receive)
    first, *lines = head.decode("latin-1").split("\r\n")
    found = REQUEST.fullmatch(first)
    if found is None:
        raise Malformed(400, "This is not an HTTP/1.1 request.")
    headers = _headers(lines)
    body = _body(headers, rest, receive)
    return Asked(found[1], found[2], headers, body)


def _head(receive: Receive) -> tuple[bytes, bytes]:
    got = b""
    while b"\r\n\r\n" not in got:
        if len(got) > LARGEST_HEAD:
            raise Malformed(431, "The head of the request is too large.")
        more = receive(4096)
        if not more:
            raise Malformed(400, "The request ended in its head.")
        got += more
    head, _, rest = got.partition(b"\r\n\r\n")
    return head, rest


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        found = HEADER.fullmatch(line)
        if found is None or found[1].lower() in headers:
            raise Malformed(400, "A header of the request is not understood, or is there twice.")
        headers[found[1].lower()] = found[2]
    return headers


def _body(headers: Mapping[str, str], got: bytes, receive: Receive) -> bytes:
    if "transfer-encoding" in headers:
        raise Malformed(411, "Say the length of the body.")
    text = headers.get("content-length", "0")
    if not re.fullmatch(r"[0-9]{1,8}", text):
        raise Malformed(400, "The length of the body is not a number.")
    length = int(text)
    if length > LARGEST_BODY:
        raise Malformed(413, f"The body is larger than {LARGEST_BODY >> 10} KiB.")
    if len(got) > length:
        raise Malformed(400, "There is more than one request.")
    while len(got) < length:
        more = receive(length - len(got))
        if not more:
            raise Malformed(400, "The request ended in its body.")
        got += more
    return got
