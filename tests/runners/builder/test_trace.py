"""BuildKit's progress as lines."""

import base64

import pytest

from runners.builder.trace import Trace


def varint(number):
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def vertex(digest, name, started=False, cached=False, completed=False, error=""):
    body = field(1, digest) + field(3, name)
    body += field(4, 1) if cached else b""
    body += field(5, b"\x08\x01") if started else b""
    body += field(6, b"\x08\x01") if completed else b""
    return field(1, body + (field(7, error.encode()) if error else b""))


def log(digest, text):
    return field(3, field(1, digest) + field(2, b"\x08\x01") + field(3, 1) + field(4, text))


def lines(*messages):
    trace = Trace()
    return "".join(line for message in messages for line in trace.lines(base64.b64encode(message).decode()))


def test_steps_are_numbered_as_they_begin_and_told_once():
    text = lines(
        vertex(b"a", b"[1/2] FROM x"),
        vertex(b"b", b"[2/2] RUN y", started=True) + vertex(b"b", b"[2/2] RUN y", started=True),
        vertex(b"b", b"[2/2] RUN y", started=True, completed=True, error="exit code: 1"),
    )

    assert text == "#1 [2/2] RUN y\n#1 ERROR: exit code: 1\n"


def test_cached_step_says_so():
    assert "#1 CACHED\n" in lines(vertex(b"a", b"COPY", started=True, cached=True, completed=True))


def test_output_of_steps_side_by_side_never_shares_a_line():
    text = lines(
        vertex(b"a", b"A", started=True) + vertex(b"b", b"B", started=True),
        log(b"a", b"half"),
        log(b"b", b"whole\nlines\n"),
        log(b"a", b" more\n"),
    )

    assert text == "#1 A\n#2 B\n#1 half\n#2 whole\n#2 lines\n#1  more\n"


def test_line_in_two_pieces_is_one_line():
    assert lines(vertex(b"a", b"A", started=True), log(b"a", b"half "), log(b"a", b"line\n")).endswith(
        "#1 half line\n"
    )


def test_letter_cut_in_two_is_one_letter():
    assert lines(log(b"a", "ü".encode()[:1]), log(b"a", "ü".encode()[1:] + b"\n")) == "#0 ü\n"


@pytest.mark.parametrize(
    "garbage", [b"", b"\xff", b"\x0b", b"\x0a\xff\xff\xff", b"\x0d\x01\x02", b"\x09" * 3]
)
def test_garbage_is_survived(garbage):
    lines(garbage)
