"""Writes every page and picture of docs/ that is made from the code: after a merge, this is the merge of them."""

from pathlib import Path

from tests.handbook.made import MADE

DOCS = Path(__file__).parents[2] / "docs"

for name, make in MADE.items():
    (DOCS / name).parent.mkdir(parents=True, exist_ok=True)
    (DOCS / name).write_text(make(), encoding="utf-8")
