"""A text as one line of JSON, as the book keeps it, and back. Pure."""

import json
from dataclasses import asdict

from pipeline.notices.notice import Link, Mood, Text


def dump(text: Text) -> str:
    return json.dumps(asdict(text), ensure_ascii=False, separators=(",", ":"))


def load(body: str) -> Text:
    found = json.loads(body)
    links = tuple(Link(**link) for link in found["links"])
    return Text(found["title"], tuple(found["facts"]), tuple(found["tail"]), links, Mood(found["mood"]))


def title_of(body: str) -> str:
    """Empty for what is no text: a trace."""
    return str(json.loads(body).get("title", ""))
