"""Who waits for news gets them, whoever else waits, fails or leaves."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from pipeline.errors import Unreachable
from pipeline.web import rounds
from pipeline.web.rounds import THOROUGH, Rounds
from pipeline.web.stream import Step


@dataclass
class Story:
    """A feed that says what a test writes into it."""

    key: str = "story"
    text: bytes = b""
    over: bool = False
    failure: Exception | None = None
    polls: int = 0

    def grown(self, position: int) -> bool:
        if self.failure:
            raise self.failure
        return len(self.text) > position

    def poll(self, position: int) -> Step:
        self.polls += 1
        news = self.text[position:]
        return Step(news, position + len(news), over=self.over and not news)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(rounds, "POLL", 0.001)


def told(story):
    """Runs `story(rounds)` in a loop of its own."""

    async def main():
        with ThreadPoolExecutor(1) as threads:
            return await asyncio.wait_for(story(Rounds(threads)), 20)

    return asyncio.run(main())


def test_what_grew_is_told_to_who_stands_before_it():
    async def story(going):
        feed = Story(text=b"abc")
        waiting = asyncio.gather(*[going.news(feed, position) for position in (0, 2, 3)])
        await asyncio.sleep(0)
        feed.text = b"abcd"
        return [step.frames for step in await waiting]

    assert told(story) == [b"abcd", b"cd", b"d"]


def test_what_does_not_grow_is_asked_only_now_and_then_whether_it_is_over():
    async def story(going):
        feed = Story(over=True)
        step = await going.news(feed, 0)
        return step.over, feed.polls

    assert THOROUGH > 1
    assert told(story) == (True, 1)


def test_one_that_fails_fails_alone():
    async def story(going):
        bad, good = Story(failure=Unreachable("The disk is away.")), Story(text=b"a")
        return await asyncio.gather(going.news(bad, 0), going.news(good, 0), return_exceptions=True)

    failure, step = told(story)
    assert isinstance(failure, Unreachable)
    assert step.frames == b"a"


def test_what_nobody_expected_ends_all_who_wait_and_none_who_come_later():
    async def story(going):
        bad, good = Story(failure=ZeroDivisionError()), Story()
        ended = await asyncio.gather(going.news(bad, 0), going.news(good, 0), return_exceptions=True)
        return ended, await going.news(Story(text=b"a"), 0)

    ended, step = told(story)
    assert [type(end) for end in ended] == [ZeroDivisionError, ZeroDivisionError]
    assert step.frames == b"a"


def test_nobody_is_forgotten_when_another_leaves_at_the_same_moment():
    async def story(going):
        for number in range(50):
            leaving = asyncio.create_task(going.news(Story(), 0))
            await asyncio.sleep(0.001 * (number % 3))
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
            assert (await going.news(Story(text=b"a"), 0)).frames == b"a"
        return True

    assert told(story)
