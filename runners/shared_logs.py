"""Port `Logs` over a database that several machines share: any of them writes, each reads what the others wrote at once.

Masked and bounded as `log_store` does it. What comes fast is held for a moment and written together, by a thread that
lives while something is held; `settle` and the end of a stage wait for it. What an installation wrote into files before it
had such a database is read there.
"""

import threading
import time
from collections.abc import Sequence

from pipeline.errors import ShipwayError
from runners.log_store import LIMIT, RESUMED, FileLogs
from runners.stage_streams import Key, StageStreams
from runners.store.run_logs import SqlRunLogs

TOGETHER = 0.2  # seconds in which what a stage prints is written together
MOST_HELD = 256 << 10  # bytes; beyond it whoever prints waits for the database


class SharedLogs:
    """May be used by several threads and machines at once."""

    def __init__(self, rows: SqlRunLogs, before: FileLogs, limit_bytes: int = LIMIT) -> None:
        self._rows = rows
        self._before = before
        self._limit = limit_bytes
        self._streams = StageStreams(limit_bytes)
        self._resumed: set[Key] = set()  # nothing written yet of what this process has of them
        self._held: dict[Key, list[bytes]] = {}  # in the order in which it is to be written
        self._written_at = float("-inf")
        self._guard = threading.RLock()
        self._writer: threading.Thread | None = None

    def hide(self, secrets: Sequence[str]) -> None:
        with self._guard:
            self._streams.hide(secrets)

    def masked(self, text: str) -> str:
        with self._guard:
            return self._streams.masked(text)

    def append(self, run_id: int, stage: str, text: str) -> None:
        with self._guard:
            key = (run_id, stage)
            if key not in self._streams:
                spent = self._rows.spent(run_id, stage)
                self._streams.begin(key, spent and spent + len(RESUMED))
                self._resumed.add(key)
            self._hold(key, self._streams.feed(key, text))
            self._write_soon()

    def close(self, run_id: int, stage: str) -> None:
        with self._guard:
            last = self._streams.end((run_id, stage))
            if last is not None:
                self._hold((run_id, stage), last)
                self._write()
                self._resumed.discard((run_id, stage))
            self._rows.pack(run_id, stage)

    def settle(self) -> None:
        with self._guard:
            self._write()

    def read(self, run_id: int, offset: int = 0, limit: int = 1 << 20) -> tuple[bytes, int]:
        found = self._rows.read(run_id, offset, limit)
        if not found and self._older(run_id):
            return self._before.read(run_id, offset, limit)
        return found, offset + len(found)

    def size(self, run_id: int) -> int:
        return self._rows.size(run_id) or self._before.size(run_id)

    def parts(self, run_id: int) -> list[tuple[str, int]]:
        return self._rows.parts(run_id) or self._before.parts(run_id)

    def _older(self, run_id: int) -> bool:
        return not self._rows.size(run_id)

    def _hold(self, key: Key, text: str) -> None:
        if not text:
            return
        if self._held and next(reversed(self._held)) != key:
            self._write()  # two stages never change places
        self._held.setdefault(key, []).append(text.encode("utf-8", "replace"))

    def _write_soon(self) -> None:
        held = sum(len(piece) for pieces in self._held.values() for piece in pieces)
        if held > MOST_HELD or time.monotonic() - self._written_at >= TOGETHER:
            self._write()
        elif held and (self._writer is None or not self._writer.is_alive()):
            self._writer = threading.Thread(target=self._write_later, name="log", daemon=True)
            self._writer.start()

    def _write_later(self) -> None:
        """Until nothing is held. A database that is away is asked again; whoever prints on waits for it at last."""
        while True:
            time.sleep(TOGETHER)
            with self._guard:
                try:
                    self._write()
                except ShipwayError:
                    continue
                self._writer = None
                return

    def _write(self) -> None:
        while self._held:
            key, pieces = next(iter(self._held.items()))
            marker = RESUMED.encode() if key in self._resumed else b""
            self._rows.append(*key, b"".join(pieces), self._limit, marker)
            self._resumed.discard(key)
            del self._held[key]
        self._written_at = time.monotonic()
