"""Side by side, tests that share a module's fixture go to one worker, in their order; the others to whichever is free."""

import re
import subprocess
import sys
from pathlib import Path

SHARING = """
import pytest

@pytest.fixture(scope="module")
def ground():
    return []

@pytest.mark.parametrize("number", range(3))
def test_own(ground, number):
    ground.append(number)
    assert ground == list(range(number + 1))
"""


def test_tests_that_share_their_ground_stay_together(tmp_path: Path) -> None:
    for name in ("test_one", "test_two"):
        (tmp_path / f"{name}.py").write_text(SHARING)
    (tmp_path / "conftest.py").write_text((Path(__file__).parent / "conftest.py").read_text())
    words = [sys.executable, "-m", "pytest", "-v", "-n", "2", "--dist", "loadgroup", "-p", "no:cacheprovider"]

    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    workers = set(re.findall(r"\[(gw\d)\].* PASSED (test_\w+)\.py", done.stdout))
    assert done.returncode == 0, done.stdout
    assert sorted(name for _, name in workers) == ["test_one", "test_two"], done.stdout
