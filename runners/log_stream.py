"""What a stage prints, made fit to be kept: secrets hidden, progress lines folded, the middle left out when too long.

Of a progress line that is rewritten over and over (`12 %\\r13 %\\r…`) only the last state within one piece stays.
Beyond the limit the beginning is already written; of the rest the last part is held in memory and given at the end,
behind one line that says how much lies between. Never touches a file.
"""

import re
from collections import deque

from runners.mask import Mask, StreamMask

KEPT_AT_END = 64 << 10  # bytes
OVERWRITTEN = re.compile(r"[^\n]*\r(?!\n)")


class StageStream:
    """One stage of one run. What `feed` and `end` return, put together, is what is kept."""

    def __init__(self, mask: Mask, limit: int) -> None:
        self._masked = StreamMask(mask)
        self._room = max(0, limit - 2 * KEPT_AT_END) if limit > 4 * KEPT_AT_END else limit
        self._at_line_start = True
        self._carriage = False  # the last piece ended with \r, and only the next one tells what that meant
        self._tail: deque[str] = deque()
        self._tail_size = 0
        self._cut = 0  # characters

    def use(self, mask: Mask) -> None:
        self._masked.use(mask)

    def feed(self, text: str) -> str:
        if self._room == 0:
            self._keep_for_later(text)
            return ""
        return self._bounded(self._masked.feed(self._folded(text)))

    def end(self) -> str:
        """The stage is over: what was held back, and the last part of what was left out."""
        text = self._bounded(self._masked.flush())
        if not self._tail:
            return text
        rest = "".join(self._tail)[-KEPT_AT_END:]
        shown = self._masked.feed(self._folded(rest)) + self._masked.flush()
        cut = self._cut - len(rest)
        note = f"\n[shipway] {cut / 1e6:.1f} MB were cut here: the log is longer than its limit. Its end follows.\n"
        return f"{text}{note if cut > 0 else ''}{shown.partition(chr(10))[2] if cut > 0 else shown}"

    def _folded(self, text: str) -> str:
        if self._carriage:
            text = "\r" + text
        self._carriage = text.endswith("\r")
        if self._carriage:
            text = text[:-1]
        if "\r" not in text:
            return text
        text = text.replace("\r\n", "\n")
        begun = not self._at_line_start
        folded = OVERWRITTEN.sub("", text)
        # The line's first part is already written: its new state goes on a line of its own.
        return f"\n{folded}" if begun and "\r" in text.partition("\n")[0] else folded

    def _bounded(self, text: str) -> str:
        if not text:
            return ""
        self._at_line_start = text.endswith("\n")
        if len(text) * 4 <= self._room or len(data := text.encode("utf-8", "replace")) <= self._room:
            self._room -= len(text.encode("utf-8", "replace"))
            return text
        shown = data[: self._room].decode("utf-8", "ignore")
        self._room = 0
        self._keep_for_later(text[len(shown) :] + self._masked.flush())
        return shown

    def _keep_for_later(self, text: str) -> None:
        """Raw, masked when it is given: it costs nothing while 200 MB rush by."""
        self._cut += len(text)
        self._tail.append(text[-2 * KEPT_AT_END :])
        self._tail_size += len(self._tail[-1])
        while self._tail_size - len(self._tail[0]) > 2 * KEPT_AT_END:
            self._tail_size -= len(self._tail.popleft())
