"""The moving part of a page: sent whole, sent again only when it came out different, and to those who may see it."""

from itertools import islice

from pipeline.web.pages.feed import PartFeed
from pipeline.web.stream import OPENING
from tests.web.test_stream import read


def test_a_part_is_sent_once_for_each_of_its_shapes():
    shapes = iter(["a", "a", "b"])
    feed = PartFeed("k", lambda: next(shapes))

    first = feed.poll(0)
    same = feed.poll(first.position)
    other = feed.poll(same.position)

    assert [event[2] for step in (first, same, other) for event in read(step.frames)] == ["a", "b"]
    assert same.frames == b""


def test_a_follower_gets_the_part_without_the_frame_around_it(person):
    browser = person("viewer")

    answer = browser.client.get("/live", headers={"Accept": "text/event-stream"})
    opening, event = islice(answer.response, 2)

    assert answer.mimetype == "text/event-stream"
    assert opening == OPENING
    ((_, _, text),) = read(event)
    assert "shop" in text
    assert "<html" not in text


def test_a_part_holds_nothing_of_the_one_who_follows(person):
    browser = person("admin", name="secretive")

    answer = browser.client.get("/live", headers={"Accept": "text/event-stream"})
    _, event = islice(answer.response, 2)

    assert b"secretive" not in event
    assert b"form_token" not in event
