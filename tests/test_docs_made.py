"""Pages and pictures that are made from the code say what it says, and the site is built from them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.handbook.made import MADE

ROOT = Path(__file__).parents[1]
# what a browser fetches by itself
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(?:https?:)?//|<link\b[^>]*\bhref=["']?(?:https?:)?//"""
)


@pytest.mark.parametrize("name", MADE)
def test_what_is_made_from_the_code_is_current(name: str):
    assert (ROOT / "docs" / name).read_text() == MADE[name](), "run: python -m tests.handbook"


def test_the_site_is_built_without_a_warning_and_fetches_nothing_from_elsewhere(tmp_path: Path):
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    pages = sorted(tmp_path.rglob("*.html"))
    assert (tmp_path / "start.html") in pages
    assert [str(page) for page in pages if FETCHED.search(page.read_text())] == []
