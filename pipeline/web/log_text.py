"""A run's log as plain text, from any byte on: `?offset=N`, or the ranges that curl -C and wget -c ask for.

What was written never changes, so a range is right however much the log grew since. Follows nothing: that is `stream`.
"""

from collections.abc import Iterator

from flask import Response, request

from pipeline.ports import Ports
from pipeline.web.problems import NoSuchRange

PIECE = 1 << 20  # bytes; a compressed log is unpacked from its beginning for each


def log_text(ports: Ports, run: int, offset: int) -> Response:
    """Raises `NoSuchRange`. A range of another kind, of several parts or beside an offset is not obeyed."""
    asked = request.range if not offset and "If-Range" not in request.headers else None
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        response = Response(_pieces(ports, run, offset), mimetype="text/plain")
    else:
        response = _part(ports, run, asked.range_for_length(size := ports.logs.size(run)), size)
    response.headers["Accept-Ranges"] = "bytes"
    return response


def _part(ports: Ports, run: int, part: tuple[int, int] | None, size: int) -> Response:
    if part is None:
        raise NoSuchRange(
            f"The log of run {run} has {size} bytes so far, and none of those that the header Range asks for. "
            "Ask again later, or follow it with ?follow=1."
        )
    begin, end = part
    response = Response(_pieces(ports, run, begin, end), status=206, mimetype="text/plain")
    response.headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
    response.content_length = end - begin
    return response


def _pieces(ports: Ports, run: int, offset: int, end: int = 2**63) -> Iterator[bytes]:
    while offset < end:
        data, offset = ports.logs.read(run, offset, min(PIECE, end - offset))
        if not data:
            return
        yield data
