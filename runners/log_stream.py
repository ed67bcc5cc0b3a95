"""What a stage prints, made fit to be kept: secrets hidden, progress lines folded, the middle left out when too long.

Of a progress line that is rewritten over and over (`12 %\\r13 %\\r…`) only the last state within one piece stays.
Beyond the limit the beginning is already written; of the rest the last part is held in memory and given at the end,
behind one line that says how many bytes lie between, and where. Never touches a file.
"""

import re

from runners.log_tail import Tail, size_of
from runners.mask import Mask, StreamMask

KEPT_AT_END = 64 << 10  # bytes
NOTES = 320  # bytes that both lines about the gap fit in
OVERWRITTEN = re.compile(r"[^\n]*\r(?!\n)")
LEFT_OUT = "[shipway] This log reached its limit, {limit:.1f} MB: of the rest only the end is kept, and shown when it is over.\n"
GAP = "[shipway] {mb:.1f} MB were cut here: {missing} bytes, from byte {begin} to {end} of what was printed. Its end follows.\n"


class StageStream:
    """One stage of one run. What `feed` and `end` return, put together, is what is kept: never more bytes than
    `limit` less `spent`, those that the stage took before it was resumed."""

    def __init__(self, mask: Mask, limit: int, spent: int = 0) -> None:
        left = max(0, limit - spent)
        kept = min(KEPT_AT_END, left // 4)
        self._limit = limit
        self._mask = mask
        self._masked = StreamMask(mask)
        self._room = left - 2 * kept - NOTES  # the other half of the end is for what is held back before it
        self._full = self._room < 0  # not even the lines about the gap fit in
        self._tail = Tail(kept)
        self._at_line_start = True
        self._carriage = False  # the last piece ended with \r, and only the next one tells what that meant
        self._printed = 0  # bytes
        self._cut_at = 0  # the byte that the gap begins at

    def use(self, mask: Mask) -> None:
        self._mask = mask
        self._masked.use(mask)

    def feed(self, text: str) -> str:
        if self._full or not text:
            return ""
        begin, size = self._printed, size_of(text)
        self._printed += size
        if size <= self._room:
            self._room -= size
            return self._shown(text)
        head = text.encode("utf-8", "replace")[: self._room].decode("utf-8", "ignore") if self._room else ""
        self._room = 0
        shown = self._shown(head) if head else ""
        return shown + self._later(text[len(head) :], begin + size_of(head))

    def end(self) -> str:
        """The stage is over: what was held back, and the last part of what was left out."""
        if not self._tail.dropped:
            return self._shown(self._tail.text) + self._masked.flush()
        before, last = self._tail.parted()
        masked = StreamMask(self._mask)
        masked.feed(self._folded(before))
        kept = size_of(last) + size_of(masked.held)  # what may be a secret that began before is shown as one
        shown = masked.feed(self._folded(last)) + masked.flush()
        end = self._printed - kept
        gap = GAP.format(
            mb=(end - self._cut_at) / 1e6, missing=end - self._cut_at, begin=self._cut_at, end=end
        )
        return gap + shown.encode("utf-8", "replace")[-2 * self._tail.kept :].decode("utf-8", "ignore")

    def _later(self, text: str, begin: int) -> str:
        """Raw, masked when it is given: it costs nothing while 200 MB rush by. `begin`: the byte that it begins at."""
        if self._tail.empty:
            self._cut_at = begin - size_of(self._masked.held)
        was_whole = not self._tail.dropped
        self._tail.add(text)
        if not (was_whole and self._tail.dropped):
            return ""
        line = LEFT_OUT.format(limit=self._limit / 1e6)
        return line if self._at_line_start else f"\n{line}"

    def _shown(self, text: str) -> str:
        shown = self._masked.feed(self._folded(text))
        if shown:
            self._at_line_start = shown.endswith("\n")
        return shown

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
