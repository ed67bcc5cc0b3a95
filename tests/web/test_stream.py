"""Server-sent events: frames, characters that are cut in two, and what a follower can put together again."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.delivery.run import NewRun
from pipeline.web.stream import KEEP_ALIVE, LogFeed, complete, follow, frame
from tests.web.conftest import COMMIT


def read(stream: bytes) -> list[tuple[str, str, str]]:
    """(event, id, data) as a browser reads it."""
    events = []
    for block in stream.decode().split("\n\n"):
        fields: dict[str, list[str]] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
        if "data" in fields:
            events.append(
                (fields.get("event", [""])[0], fields.get("id", [""])[0], "\n".join(fields["data"]))
            )
    return events


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (b"", b""),
        (b"abc", b"abc"),
        ("añ".encode(), "añ".encode()),
        ("añ".encode()[:-1], b"a"),
        ("€".encode(), "€".encode()),
        ("€".encode()[:-1], b""),
        ("€".encode()[:-2], b""),
        ("x🚀".encode(), "x🚀".encode()),
        ("x🚀".encode()[:-1], b"x"),
        ("x🚀".encode()[:-3], b"x"),
        (b"line\r", b"line"),
        (b"line\r\n", b"line\r\n"),
        (b"a\xff", b"a"),
        (b"\x80\x80\x80\x80\x80", b"\x80\x80\x80\x80\x80"),
    ],
)
def test_only_whole_characters_are_sent(data, whole):
    assert complete(data) == whole


@given(st.text())
def test_a_frame_carries_its_text_and_loses_no_line(text):
    ((_, position, data),) = read(frame(text, 7))

    assert position == "7"
    assert data == text.replace("\r\n", "\n").replace("\r", "\n")


@given(st.binary(max_size=40))
def test_what_is_held_back_is_at_most_three_bytes(data):
    kept = complete(data)

    assert data.startswith(kept)
    assert len(data) - len(kept) <= 3


@pytest.fixture
def run(house):
    return house.ports.runs.add(NewRun("shop", "test", "branch", "main", COMMIT, "test")).id


def test_a_log_in_small_pieces_arrives_whole(house, run):
    text = "naïve 🚀 build\r\nprogress 10%\rprogress 20%\r\nBytes: €\n"
    feed, position, stream = LogFeed(run, house.ports), 0, b""
    for letter in text:
        house.logs.append(run, "build", letter)
        step = feed.poll(position)
        position, stream = step.position, stream + step.frames
    house.logs.close(run, "build")
    house.ports.runs.cancel(run)

    while True:
        step = feed.poll(position)
        position, stream = step.position, stream + step.frames
        if step.over:
            break

    events = read(stream)
    assert "".join(data for event, _, data in events if not event) == text.replace("\r\n", "\n").replace(
        "\r", "\n"
    )
    assert events[-1] == ("end", str(len(house.logs.read(run)[0])), json.dumps({"status": "cancelled"}))


PRINTED = "one\nnaïve 🚀 €\nx€€\n"


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("offset", range(len(PRINTED.encode()) + 1))
def test_a_follower_resumes_at_every_byte_with_a_whole_character(house, run, offset, closed):
    half = len(PRINTED) // 2
    house.logs.append(run, "checkout", PRINTED[:half])
    house.logs.append(run, "build", PRINTED[half:])
    for stage in ("checkout", "build")[: 2 if closed else 0]:
        house.logs.close(run, stage)
    house.ports.runs.cancel(run)

    *texts, last = read(b"".join(follow(LogFeed(run, house.ports), offset, lambda _: None)))

    seen = PRINTED.encode()[:offset].decode("utf-8", "ignore")
    assert "".join(data for _, _, data in texts) == PRINTED[len(seen) :]
    assert last[1] == str(len(PRINTED.encode()))


def test_bytes_that_are_no_text_do_not_hold_a_finished_log_open(house, run):
    house.ports.runs.cancel(run)
    house.logs.read = lambda *_: (b"", 0)  # type: ignore[method-assign]  # a log of bytes cannot be written by append
    pieces = iter([b"ok\xe2\x82", b"\xe2\x82", b""])
    house.logs.read = lambda *_: (next(pieces), 0)  # type: ignore[method-assign]
    feed = LogFeed(run, house.ports)

    first, second, third = feed.poll(0), feed.poll(2), feed.poll(4)

    assert (first.position, second.position, third.over) == (2, 4, True)
    assert "\ufffd" in second.frames.decode()


def test_a_quiet_stream_is_kept_alive_and_slept_through(house, run):
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 100:
            house.ports.runs.cancel(run)

    stream = b"".join(follow(LogFeed(run, house.ports), 0, sleep))

    assert stream.count(KEEP_ALIVE) == 1
    assert read(stream)[-1][0] == "end"
