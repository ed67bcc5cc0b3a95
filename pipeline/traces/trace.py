"""Where traces go, and what one is made of. Nouns only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.secret import Secret

TARGET = "traces"  # in the book of notices, through which they are sent


@dataclass(frozen=True)
class Traces:
    """A collector that speaks OTLP over HTTP; an empty endpoint: nobody collects any."""

    endpoint: str = ""
    headers: Mapping[str, Secret] = field(default_factory=dict)


@dataclass(frozen=True)
class Span:
    """`key` makes its id, `parent` is another's key; the same run makes the same ids each time."""

    key: str
    parent: str
    name: str
    begin: datetime
    end: datetime
    attributes: Mapping[str, str | int] = field(default_factory=dict)
    failed: bool = False
    error: str = ""
