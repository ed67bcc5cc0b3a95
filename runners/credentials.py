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
Found = tuple[int, int | None, bool]  # begin; end, None when it is none yet; whether more text may change it

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
    return sorted(
        (begin, end) for begin, end, _ in _found(text) if end is not None and end - begin >= SHORTEST
    )


def tail(text: str) -> int:
    """Where a credential begins that more text could still make longer; the text's length when there is none."""
    return min((begin for begin, _, grows in _found(text) if grows), default=len(text))


def _found(text: str) -> Iterator[Found]:
    if "://" in text:
        yield from _in_urls(text)
    lowered = text.lower()
    if any(hint in lowered for hint in HINTS):
        yield from _behind_headers(text)


def _in_urls(text: str) -> Iterator[Found]:
    place = text.find("://")
    while place >= 0:
        begin = place + 3
        end = _end_of(AUTHORITY, text, begin)
        grows = end == len(text) and end - begin < LONGEST_AUTHORITY
        if not text[max(0, place - 5) : place].lower().endswith(("http", "https")):
            begin = text.find(":", begin, min(end, begin + LONGEST_USER)) + 1
        at = text.rfind("@", begin, end)
        if begin:
            yield begin, at if at >= 0 else None, grows
        place = text.find("://", place + 1)


def _behind_headers(text: str) -> Iterator[Found]:
    for match in HEADER.finditer(text):
        begin = match.end()
        end = _end_of(WORD if match["scheme"] else REST, text, begin)
        yield begin, end, end == len(text) and end - begin < LONGEST_VALUE


def _end_of(pattern: re.Pattern[str], text: str, begin: int) -> int:
    match = pattern.match(text, begin)
    return match.end() if match else begin
