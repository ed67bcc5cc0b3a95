"""Frozen dataclasses to JSON and back, by their type hints. Secrets are sealed; nothing else is hidden or lost.

Rows outlive code: a key that this version does not know is dropped, a field that an old row lacks takes its default.
"""

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar

from pipeline.secret import Secret
from runners.store.seal import Seal

T = TypeVar("T")
AS_IT_IS = frozenset({str, int, bool})  # most of what is kept: JSON has it too


class Codec:
    """Without a seal it refuses values that hold secrets."""

    def __init__(self, seal: Seal | None = None) -> None:
        self._seal = seal

    def dump(self, value: object) -> str:
        return json.dumps(self._plain(value), separators=(",", ":"))

    def load(self, kind: type[T], text: str) -> T:
        value: T = self._build(kind, json.loads(text))
        return value

    def _plain(self, value: Any) -> Any:
        if value is None or type(value) in AS_IT_IS:
            return value
        if isinstance(value, Secret):
            return self._sealer().shut(value.reveal())
        if dataclasses.is_dataclass(value):
            return {
                field.name: self._plain(getattr(value, field.name)) for field in dataclasses.fields(value)
            }
        if isinstance(value, Mapping):
            return {str(key): self._plain(item) for key, item in value.items()}
        if isinstance(value, list | tuple | frozenset):
            return [self._plain(item) for item in value]
        if isinstance(value, datetime):
            return value.isoformat()
        return value.value if isinstance(value, Enum) else value

    def _build(self, kind: Any, data: Any) -> Any:
        if data is None or kind in AS_IT_IS:
            return data
        origin = typing.get_origin(kind)
        if origin in (types.UnionType, typing.Union):
            return self._build_union(kind, data)
        if origin is not None:
            return self._build_many(origin, typing.get_args(kind), data)
        if dataclasses.is_dataclass(kind) and kind is not Secret:
            return self._build_record(kind, data)
        return self._build_one(kind, data)

    def _build_union(self, kind: Any, data: Any) -> Any:
        """`X | None`, or plain types side by side like `int | str`, which JSON keeps apart."""
        kinds = [part for part in typing.get_args(kind) if part is not types.NoneType]
        return self._build(kinds[0], data) if len(kinds) == 1 else data

    def _build_many(self, origin: Any, args: tuple[Any, ...], data: Any) -> Any:
        if origin is dict:
            return {key: self._build(args[1], item) for key, item in data.items()}
        if origin is tuple and args[-1] is not Ellipsis:
            return tuple(self._build(part, item) for part, item in zip(args, data, strict=True))
        return origin(self._build(args[0], item) for item in data)

    def _build_record(self, kind: Any, data: dict[str, Any]) -> Any:
        hints = _hints(kind)
        return kind(**{name: self._build(hints[name], item) for name, item in data.items() if name in hints})

    def _build_one(self, kind: Any, data: Any) -> Any:
        if kind is Secret:
            return Secret(self._sealer().open(data))
        if kind is datetime:
            return datetime.fromisoformat(data)
        if kind is float:
            return float(data)
        return kind(data) if isinstance(kind, type) and issubclass(kind, Enum) else data

    def _sealer(self) -> Seal:
        if self._seal is None:
            raise TypeError("a value with a secret in it needs a codec with a seal")
        return self._seal


PLAIN = Codec()


@lru_cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)
