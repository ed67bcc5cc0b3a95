"""A value that never prints itself."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Secret:
    """Holds a secret text. `reveal()` is the only way to the value, so that grep finds every use."""

    _value: str

    def reveal(self) -> str:
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __str__(self) -> str:
        return "***"

    __repr__ = __str__
