"""Values that stand nowhere else, and the search for them: as they are, encoded, packed."""

import base64
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import zstandard

from runners.store.bodies import unpacked


@dataclass
class Canaries:
    """`canary("db")` is a value of its own, the same each time; `found(…)` names those that got out."""

    values: dict[str, str] = field(default_factory=dict)

    def __call__(self, name: str) -> str:
        """With characters that are escaped in URLs and JSON."""
        return self.values.setdefault(name, f'canary-{name}-7Qx/"ü&+{len(self.values)}z')

    def plain(self, name: str) -> str:
        """For places that take letters alone."""
        return self.values.setdefault(name, f"canary{name.replace('-', '')}7Qx{len(self.values)}z")

    def found(self, texts: Iterable[bytes]) -> set[str]:
        forms = {name: _forms(value) for name, value in self.values.items()}
        return {
            name
            for text in texts
            for name, needles in forms.items()
            if any(needle in text for needle in needles)
        }


def _forms(value: str) -> tuple[bytes, ...]:
    raw = value.encode()
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return (
        raw,
        base64.b64encode(raw),
        quote(value, safe="").encode(),
        escaped.encode(),
        escaped.encode("ascii", "backslashreplace"),
        escaped.replace("ü", "\\u00fc").encode(),
    )


def files_below(folder: Path) -> Iterator[bytes]:
    """All but keys; what is compressed as it was before."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.parent.name != "keys":
            content = path.read_bytes()
            yield content
            if path.suffix == ".zst":
                yield zstandard.ZstdDecompressor().decompressobj().decompress(content)


def cells_of(database: Path) -> Iterator[bytes]:
    """Every value of every table; bodies of webhooks as they were sent."""
    with sqlite3.connect(database) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 names come from the schema
                for cell in row:
                    yield unpacked(cell) if isinstance(cell, bytes) else str(cell).encode()
    connection.close()
