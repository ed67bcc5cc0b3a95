"""Replaces secrets in streams of text by ***. Never stores, logs or prints one.

A secret is also found in the forms in which tools print it: base64 (at any alignment, so also inside a longer
`user:password`), url-encoded, escaped as JSON, and line by line when it has several lines (a PEM key in a log).
What nobody told us of is found where credentials stand: `runners/credentials.py`.
A `StreamMask` finds it however the stream is cut: it holds back the tail that could still become a secret, and
nothing more.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from heapq import merge
from typing import Any
from urllib.parse import quote, quote_plus

from runners import credentials

HIDDEN = "***"
SHORTEST = 4  # shorter ones would blacken ordinary text
PERCENT = re.compile("%[0-9A-F]{2}")
END = ""  # marks the end of a needle in the trie

Trie = dict[str, Any]


class Mask:
    """All forms of some secrets, compiled once. May be shared by threads; each stream needs its own `StreamMask`."""

    def __init__(self, secrets: Iterable[str]) -> None:
        found = {form for secret in secrets for form in _forms(secret)}
        self.longest = max(map(len, found), default=0)
        self.trie = _trie(found)
        self._letters = "".join({letter for form in found for letter in form})
        self._pattern = re.compile(_regex(self.trie), re.DOTALL) if found else None

    def hide(self, text: str) -> str:
        """The whole text at once, for error messages and notes."""
        stream = StreamMask(self)
        return stream.feed(text) + stream.flush()

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where secrets lie: sorted; they may overlap."""
        at = 0
        while self._pattern and (match := self._pattern.search(text, at)):
            at = match.start() + 1
            yield match.span()

    def tail(self, text: str) -> int:
        """Where the part begins that more text could still turn into a secret; its length when there is none."""
        end = len(text)
        begin = max(end - self.longest, len(text.rstrip(self._letters))) if self._letters else end
        return next((at for at in range(begin, end) if self._open(text, at)), end)

    def _open(self, text: str, at: int) -> bool:
        node = self.trie
        for letter in text[at:]:
            if letter not in node:
                return False
            node = node[letter]
        return node.keys() != {END}


class StreamMask:
    """One stream. What `feed` and `flush` return, put together, is the text with every secret hidden."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._given = ""  # the last of it, before it was masked: it tells what a credential would follow
        self._held = ""
        self._covered = (
            0  # so many first characters of what is held belong to a secret already written as ***
        )

    @property
    def held(self) -> str:
        """What may be the beginning of a secret; nothing of it was given, not even as ***."""
        return self._held[self._covered :]

    def use(self, mask: Mask) -> None:
        """From now on these secrets; what is held back is looked at again with them."""
        self._mask = mask

    def feed(self, text: str) -> str:
        self._held += text
        known = len(self._given)
        open_at = credentials.tail(self._given + self._held) - known
        return self._give(max(0, min(self._mask.tail(self._held), open_at)))

    def flush(self) -> str:
        """The end of the stream, or a pause after which the rest may be shown: no secret can be open any more."""
        return self._give(len(self._held))

    def _give(self, upto: int) -> str:
        out: list[str] = []
        at, covered = 0, self._covered
        for start, end in _joined(covered, self._spans()):
            goes_on = covered and start == 0
            if start >= upto and not goes_on:
                break
            out.append(self._held[at:start] + ("" if goes_on else HIDDEN))
            at = end
        out.append(self._held[at:upto])
        self._given = (self._given + self._held[:upto])[-credentials.CONTEXT :]
        self._held, self._covered = self._held[upto:], max(0, at - upto)
        return "".join(out)

    def _spans(self) -> Iterator[tuple[int, int]]:
        known = len(self._given)
        found = credentials.spans(self._given + self._held)
        beside = [(max(0, start - known), end - known) for start, end in found if end > known]
        return _united(merge(self._mask.spans(self._held), beside))


def _united(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Sorted ones, those that overlap made one."""
    span: tuple[int, int] | None = None
    for start, end in spans:
        if span and start < span[1]:
            span = span[0], max(span[1], end)
            continue
        if span:
            yield span
        span = start, end
    if span:
        yield span


def _joined(covered: int, spans: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The spans, after the one that began in text already given away."""
    for start, end in spans:
        if start < covered:
            covered = max(covered, end)
            continue
        if covered:
            yield 0, covered
            covered = 0
        yield start, end
    if covered:
        yield 0, covered


def _forms(secret: str) -> set[str]:
    if len(secret) < SHORTEST:
        return set()
    lines = [line.strip() for line in secret.splitlines()] if "\n" in secret else []
    plain = {secret, secret.strip(), *(line for line in lines if len(line) >= SHORTEST)}
    if lines:
        plain.add("\r\n".join(secret.splitlines()))  # as a terminal prints it
    found: set[str] = set()
    for text in plain:
        found |= {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
        for quoted in (quote(text, safe=""), quote(text), quote_plus(text)):
            found |= {quoted, PERCENT.sub(lambda code: code[0].lower(), quoted)}
        found |= _base64(text)
    return {form for form in found if len(form) >= SHORTEST}


def _base64(secret: str) -> set[str]:
    """The characters that do not depend on what stands around the secret, for each of the three alignments."""
    raw = secret.encode("utf-8", "surrogatepass")
    found = set()
    for before in range(3):
        text = base64.b64encode(b"\0" * before + raw).decode()
        stable = text[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        found |= {stable, stable.replace("+", "-").replace("/", "_")}
    return found


def _trie(needles: Iterable[str]) -> Trie:
    root: Trie = {}
    for needle in needles:
        node = root
        for letter in needle:
            node = node.setdefault(letter, {})
        node[END] = {}
    return root


def _regex(root: Trie) -> str:
    """Longest match first at each place. Chains without a branch are written as one literal: a recursion over
    every letter of a long key would be too deep."""
    branches = []
    for letter, node in root.items():
        if letter == END:
            continue
        literal = letter
        while len(node) == 1 and END not in node:
            letter, node = next(iter(node.items()))
            literal += letter
        branches.append(re.escape(literal) + (_regex(node) if node.keys() != {END} else ""))
    return f"(?:{'|'.join(branches)})" + ("?" if END in root else "")
