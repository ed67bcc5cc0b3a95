"""Finds credentials that nobody told us of by where they stand: in a URL before the @, behind a header such as
`Authorization:`. Says where they lie and where one may still be growing; replaces nothing.

    https://robot:token@host    https://***@host            of http the user too: many forges take a token there
    redis://app:word@host       redis://app:***@host        ssh://git@host stays
    Authorization: Bearer abc   Authorization: Bearer ***   of a scheme we do not know, the rest of the line
"""

import re
from collections.abc import Iterator

CONTEXT = 64  # characters; more than the longest text that says "a credential follows"
LONGEST_USER = 32  # of the user before a password, so that it lies within the context
SHORTEST = 3  # what is shown instead is never longer, so a bound on what is read is one on what is written
LONGEST_AUTHORITY = 1024  # user, password and host: a password may hold an @, so only the last one ends it
LONGEST_VALUE = 8192

Span = tuple[int, int]
AUTHORITY = re.compile(rf"[^\s/?#\"'<>\\]{{0,{LONGEST_AUTHORITY}}}")
HEADER = re.compile(
    r"(?:authorization|(?:private|job|deploy|x-auth|x-gitlab)-token|x-api-key|x-registry-auth)"
    r"(?:\\?[\"'])?[ \t]{0,4}[:=][ \t]{0,4}(?:\\?[\"'])?"
    r"(?P<scheme>(?:basic|bearer|token|negotiate|apikey)[ \t]{1,4})?",
    re.IGNORECASE,
)
WORD = re.compile(rf"[^\s\"'\\,;]{{0,{LONGEST_VALUE}}}")
REST = re.compile(rf"[^\r\n\"'\\]{{0,{LONGEST_VALUE}}}")
HINTS = ("authorization", "-token", "x-api-key", "x-registry-auth")


def spans(text: str) -> list[Span]:
    """Sorted; they may overlap."""
    found = [*_in_urls(text), *_behind_headers(text)]
    return sorted(span for span in found if span[1] - span[0] >= SHORTEST)


def tail(text: str) -> int:
    """Where a credential begins that more text could still make longer; the text's length when there is none."""
    ends = len(text)
    growing = [begin for begin, end in _behind_headers(text) if end == ends and end - begin < LONGEST_VALUE]
    place = text.rfind("://")  # no other one can reach the end: a host has no slash
    if place >= 0:
        begin, end = _authority(text, place)
        growing += (
            [_secret_part(text, place, begin, end)] if end == ends and end - begin < LONGEST_AUTHORITY else []
        )
    return min((begin for begin in growing if begin), default=ends)


def _in_urls(text: str) -> Iterator[Span]:
    place = text.find("://") if "@" in text else -1
    while place >= 0:
        begin, end = _authority(text, place)
        at = text.rfind("@", begin, end)
        if at >= 0 and (begin := _secret_part(text, place, begin, end)):
            yield begin, at
        place = text.find("://", place + 1)


def _authority(text: str, place: int) -> Span:
    """Of the URL whose :// is there."""
    return place + 3, _end_of(AUTHORITY, text, place + 3)


def _secret_part(text: str, place: int, begin: int, end: int) -> int:
    """Where it begins; 0: there is no password, and a user alone is a secret to http only."""
    if text[max(0, place - 5) : place].lower().endswith(("http", "https")):
        return begin
    return text.find(":", begin, min(end, begin + LONGEST_USER)) + 1


def _behind_headers(text: str) -> Iterator[Span]:
    lowered = text.lower()
    if any(hint in lowered for hint in HINTS):
        for match in HEADER.finditer(text):
            yield match.end(), _end_of(WORD if match["scheme"] else REST, text, match.end())


def _end_of(pattern: re.Pattern[str], text: str, begin: int) -> int:
    match = pattern.match(text, begin)
    return match.end() if match else begin
