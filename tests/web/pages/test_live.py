"""The moving part of a page: sent whole, sent again only when it came out different, and to those who may see it."""

from dataclasses import replace
from itertools import islice

import pytest

from pipeline.web.pages.feed import PartFeed
from pipeline.web.pages.pulse import Pulse
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


def test_what_asks_hosts_ends_with_the_server(house):
    pulse = Pulse(house.ports)
    assert pulse.looks([("shop", "production")], 5.0)

    pulse.close()

    with pytest.raises(RuntimeError):
        pulse.looks([("shop", "test")], 0.0)


def test_an_environment_that_cannot_be_looked_at_is_not_known(house):
    pulse = Pulse(house.ports)

    known = pulse.looks([("shop", "none"), ("shop", "test")], 5.0)

    pulse.close()
    assert list(known) == [("shop", "test")]


def test_an_answer_is_not_asked_again_while_it_is_fresh(house):
    asked = []

    class Counting:
        def look(self, host, service, environment):
            asked.append(host.name)
            return house.ports.engines.look(host, service, environment)

    pulse = Pulse(replace(house.ports, engines=Counting()))
    for _ in range(3):
        pulse.looks([("shop", "test")], 5.0)

    pulse.close()
    assert asked == ["web-1"]
