"""docs/failure-matrix.md names a test for every failure, and the tests are there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROWS = [
    [cell.strip() for cell in line.strip().strip("|").split("|")]
    for line in (ROOT / "docs" / "failure-matrix.md").read_text().splitlines()
    if re.match(r"\| \d+ \|", line)
]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


@cache
def names_in(file: str) -> frozenset[str]:
    """Without importing it: live tests want parts that are not everywhere."""
    path = ROOT / file
    tree = ast.parse(path.read_text()) if path.exists() else ast.Module([], [])
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_failure_has_its_row_once():
    assert [int(row[0]) for row in ROWS] == list(range(1, 65))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_row_says_what_is_done_and_names_tests_that_exist(row: list[str]):
    _, fails, done, shown = row
    named = NAMED.findall(shown)

    assert fails
    assert done
    assert named
    assert NAMED.sub("", shown).split() == []
    assert [f"{file}::{name}" for file, name in named if name not in names_in(file)] == []
