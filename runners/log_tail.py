"""The last part of a long text, in a bounded piece of memory. Masks nothing, so it is kept in memory only."""

from collections import deque


class Tail:
    """Holds at least the last `2 * kept` bytes of what was added, and not much more."""

    def __init__(self, kept: int) -> None:
        self.kept = kept
        self.dropped = False  # whether something is gone already
        self._pieces: deque[tuple[str, int]] = deque()
        self._size = 0  # bytes

    @property
    def empty(self) -> bool:
        return not self._pieces

    @property
    def text(self) -> str:
        return "".join(piece for piece, _ in self._pieces)

    def add(self, text: str) -> None:
        last = text[-2 * self.kept :] if self.kept else ""  # a character is a byte or more
        size = size_of(last)
        self._pieces.append((last, size))
        self._size += size
        self.dropped = self.dropped or len(last) < len(text) or self._size > 2 * self.kept
        while self._size - self._pieces[0][1] > 2 * self.kept:
            self._size -= self._pieces.popleft()[1]

    def parted(self) -> tuple[str, str]:
        """What goes before the last `kept` bytes, and those: from the beginning of a line where one is near."""
        data = self.text.encode("utf-8", "replace")
        at = max(0, len(data) - self.kept)
        line = data.find(b"\n", max(0, at - 1), at + self.kept // 2)
        if line >= 0:
            at = line + 1
        while at < len(data) and 0x80 <= data[at] < 0xC0:
            at += 1
        return data[:at].decode(), data[at:].decode()


def size_of(text: str) -> int:
    """Bytes on disk."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
