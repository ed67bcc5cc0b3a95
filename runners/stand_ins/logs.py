"""Logs in memory, for dry runs and tests. They keep the contract of `pipeline.ports.Logs`."""

from collections.abc import Sequence

from runners.stage_streams import StageStreams

LIMIT = 1 << 20


class MemoryLogs:
    """Like `runners.log_store.FileLogs`, without files and without a second process."""

    def __init__(self, limit_bytes: int = LIMIT) -> None:
        self._streams = StageStreams(limit_bytes)
        self._texts: dict[int, bytearray] = {}
        self._spent: dict[tuple[int, str], int] = {}  # bytes
        self._parts: dict[int, list[tuple[str, int]]] = {}

    def hide(self, secrets: Sequence[str]) -> None:
        self._streams.hide(secrets)

    def masked(self, text: str) -> str:
        return self._streams.masked(text)

    def append(self, run_id: int, stage: str, text: str) -> None:
        key = (run_id, stage)
        if key not in self._streams:
            self._streams.begin(key, self._spent.get(key, 0))
        self._write(key, self._streams.feed(key, text))

    def close(self, run_id: int, stage: str) -> None:
        last = self._streams.end((run_id, stage))
        if last is not None:
            self._write((run_id, stage), last)

    def _write(self, key: tuple[int, str], text: str) -> None:
        data = text.encode("utf-8", "replace")
        self._texts.setdefault(key[0], bytearray()).extend(data)
        self._spent[key] = self._spent.get(key, 0) + len(data)
        parts = self._parts.setdefault(key[0], [])
        goes_on = bool(parts) and parts[-1][0] == key[1]
        parts.append((key[1], len(data) + (parts.pop()[1] if goes_on else 0)))

    def settle(self) -> None:
        """It was written at once."""

    def size(self, run_id: int) -> int:
        return len(self._texts.get(run_id, b""))

    def parts(self, run_id: int) -> list[tuple[str, int]]:
        return list(self._parts.get(run_id, ()))

    def read(self, run_id: int, offset: int = 0, limit: int = 1 << 20) -> tuple[bytes, int]:
        found = bytes(self._texts.get(run_id, b"")[offset : offset + limit])
        return found, offset + len(found)
