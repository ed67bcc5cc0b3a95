"""The languages of the pages. Keys of the catalogue are the English sentences themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

import yaml

from pipeline.assets import templates_dir

LANGUAGES = {"en": "English", "zh": "简体中文"}
TAGS = {"en": "en", "zh": "zh-Hans"}
UNITS = ((86400, "{n} d"), (3600, "{n} h"), (60, "{n} min"), (1, "{n} s"))


def key(sentence: str) -> str:
    """Marks a sentence that a template says later: the test of the catalogue looks for it."""
    return sentence


@dataclass(frozen=True)
class Language:
    code: str = "en"
    words: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def tag(self) -> str:
        return TAGS[self.code]

    def say(self, sentence: str, **parts: object) -> str:
        """`sentence` is ours, never a user's; what users wrote comes in `parts`."""
        said = self.words.get(sentence, sentence)
        return said.format(**parts) if parts else said

    def span(self, seconds: float) -> str:
        """In its largest unit; what is shorter than a second is one."""
        for size, unit in UNITS:
            if seconds >= size:
                return self.say(unit, n=int(seconds // size))
        return self.say("{n} s", n=1)

    def took(self, seconds: float) -> str:
        """To the second, or to its tenth below ten."""
        if seconds < 10:
            return self.say("{n} s", n=f"{max(0.0, seconds):.1f}")
        minutes, rest = divmod(round(seconds), 60)
        if not minutes:
            return self.say("{n} s", n=rest)
        if minutes < 60:
            return f"{self.say('{n} min', n=minutes)} {self.say('{n} s', n=rest)}"
        return f"{self.say('{n} h', n=minutes // 60)} {self.say('{n} min', n=minutes % 60)}"

    def ago(self, moment: datetime, now: datetime) -> str:
        seconds = (now - moment).total_seconds()
        return self.say("just now") if seconds < 60 else self.say("{span} ago", span=self.span(seconds))


def chosen(asked: str, kept: str, accepted: str) -> Language:
    """The one that was asked for now, or before, or that the browser prefers most; else English."""
    for code in (asked, kept, preferred(accepted)):
        if code in LANGUAGES:
            return language(code)
    return language("en")


def preferred(accepted: str) -> str:
    """Of an Accept-Language header, by its weights; the first of equals."""
    best, weight = "", 0.0
    for part in accepted[:500].split(","):
        tag, _, quality = part.strip().partition(";q=")
        code = tag.strip().lower().partition("-")[0]
        try:
            value = float(quality) if quality else 1.0
        except ValueError:
            continue
        if code in LANGUAGES and value > weight:
            best, weight = code, value
    return best


@lru_cache(maxsize=len(LANGUAGES))
def language(code: str) -> Language:
    if code == "en":
        return Language()
    text = (templates_dir() / "web" / "locales" / f"{code}.yml").read_text(encoding="utf-8")
    return Language(code, yaml.safe_load(text))
