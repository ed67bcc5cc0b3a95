"""The stages that one process writes at the moment, all masked alike. Not for several threads at once."""

from collections.abc import Sequence

from runners.log_stream import StageStream
from runners.mask import Mask

Key = tuple[int, str]  # run, stage


class StageStreams:
    """`limit`: bytes that one stage may keep."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._secrets: tuple[str, ...] = ()
        self._mask = Mask(())
        self._open: dict[Key, StageStream] = {}

    def hide(self, secrets: Sequence[str]) -> None:
        """From now on also these, in stages that are half written too."""
        if set(secrets) <= set(self._secrets):
            return
        self._secrets = tuple(dict.fromkeys((*self._secrets, *secrets)))
        self._mask = Mask(self._secrets)
        for stream in self._open.values():
            stream.use(self._mask)

    def masked(self, text: str) -> str:
        return self._mask.hide(text)

    def __contains__(self, key: Key) -> bool:
        return key in self._open

    def begin(self, key: Key, spent: int) -> None:
        """`spent`: bytes that it took before it was resumed."""
        self._open[key] = StageStream(self._mask, self._limit, spent)

    def feed(self, key: Key, text: str) -> str:
        return self._open[key].feed(text)

    def end(self, key: Key) -> str | None:
        """None: nothing was begun."""
        stream = self._open.pop(key, None)
        return None if stream is None else stream.end()
