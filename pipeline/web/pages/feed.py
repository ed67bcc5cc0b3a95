"""The moving part of a page as a stream: it is made anew now and then, and sent when it came out different."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.web.stream import Step, frame


@dataclass(frozen=True)
class PartFeed:
    """`key` must name all that the text depends on: the page, its language, and what its reader may see."""

    key: str
    make: Callable[[], str] = field(repr=False)

    def grown(self, position: int) -> bool:
        """Making it is the only way to know; so that is left to the thorough look, once a second."""
        return False

    def poll(self, position: int) -> Step:
        text = self.make()
        mark = zlib.crc32(text.encode())
        return Step(b"" if mark == position else frame(text, mark), mark)
