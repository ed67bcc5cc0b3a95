"""Kinds of columns that both databases hold alike. Knows no table."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String, Text, TypeDecorator
from sqlalchemy.types import TypeEngine


class Moment(TypeDecorator[datetime]):
    """A UTC instant. SQLite has no such type: there it is ISO text of fixed width, which sorts as time does."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        plain = String(32) if dialect.name == "sqlite" else DateTime(timezone=True)
        return dialect.type_descriptor(plain)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        return _text(value) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text from outside: what PostgreSQL or UTF-8 cannot hold (NUL, half a surrogate pair) becomes a question mark."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return value if value is None else clean(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """The same without SQLAlchemy's two calls around it; nearly every value of ours passes here."""
        return lambda value: value if value is None else clean(value)


@lru_cache(maxsize=16)
def _text(moment: datetime) -> str:
    """All rows of a transaction have one moment."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def clean(text: str) -> str:
    if text.isascii() and "\0" not in text:
        return text  # nearly all there is
    return text.replace("\0", "?").encode("utf-8", "replace").decode()


Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite gives ids by itself only to plain INTEGER keys
