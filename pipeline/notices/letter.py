"""RULE: a text, or several, as one message: plain and in Markdown. Pure.

What a build said may not call people nor draw: its lines stand in a block of code, and in sentences the signs that mean
something lose it.
"""

from collections.abc import Sequence
from datetime import datetime

from pipeline.notices.notice import Language, Message, Mood, Text
from pipeline.notices.words import say

MOST_LINES = 30  # of a digest
LONGEST = 3500  # characters; WeCom takes 4096 bytes of Markdown, Telegram 4096 characters
FENCE = "```"
INERT = str.maketrans({"[": "［", "]": "］", "<": "＜", "@": "@\u200b"})
WORST = (Mood.BAD, Mood.ASKS, Mood.GOOD)


def letter(texts: Sequence[tuple[Text, int]], since: datetime, language: Language) -> Message:
    """Each text with how often it came. The oldest came at `since`."""
    if len(texts) == 1:
        return _single(*texts[0], language)
    count = sum(times for _, times in texts)
    title = say(language, "digest", count=count, since=f"{since:%Y-%m-%d %H:%M}")
    shown = texts[:MOST_LINES]
    plain = [f"- {_headline(text, times, language)}" for text, times in shown]
    marked = [f"- {inert(_headline(text, times, language))}{_first_link(text)}" for text, times in shown]
    if more := len(texts) - len(shown):
        plain.append(say(language, "more", count=more))
        marked.append(say(language, "more", count=more))
    moods = {text.mood for text, _ in texts}
    mood = next(mood for mood in WORST if mood in moods)
    return Message(title, _cut("\n".join(plain)), _cut("\n".join(marked)), mood)


def inert(text: str) -> str:
    """`@` calls nobody, and nothing becomes a link, a picture or HTML. Services differ in how one escapes, so signs that
    look alike stand instead."""
    return text.translate(INERT)


def _single(text: Text, times: int, language: Language) -> Message:
    links = [f"{link.label}: {link.url}" for link in text.links]
    plain = [*text.facts, *_framed(text.tail, "", ""), *_framed(links, "", "")]
    tail = [line.replace(FENCE, "'''") for line in text.tail]
    linked = [f"[{inert(link.label)}]({link.url})" for link in text.links]
    marked = [inert(fact) + "  " for fact in text.facts]
    marked += _framed(tail, FENCE, FENCE) + _framed([" · ".join(linked)] if linked else [], "", "")
    title = _headline(text, times, language)
    return Message(title, _cut("\n".join(plain)), _cut("\n".join(marked)), text.mood, text.links)


def _framed(lines: Sequence[str], before: str, after: str) -> list[str]:
    return [before, *lines, after] if lines else []


def _headline(text: Text, times: int, language: Language) -> str:
    return say(language, "times", title=text.title, count=times) if times > 1 else text.title


def _first_link(text: Text) -> str:
    return f" [→]({text.links[0].url})" if text.links else ""


def _cut(text: str) -> str:
    """Links stand at the end and stay."""
    if len(text) <= LONGEST:
        return text.strip("\n")
    half = LONGEST // 2
    return f"{text[:half]}\n…\n{text[-half:]}".strip("\n")
