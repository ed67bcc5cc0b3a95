"""The commands beside the code: what people and CI run is the same, and each runs from a bare shell."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(path for path in (ROOT / "bin").iterdir() if path.name != "_setup")


@pytest.mark.parametrize("script", [*SCRIPTS, ROOT / "bin/_setup", ROOT / ".ci/run"], ids=lambda p: p.name)
def test_a_script_is_executable_and_readable_by_a_plain_shell(script: Path):
    done = subprocess.run(["sh", "-n", str(script)], capture_output=True, text=True, timeout=10, check=False)

    assert done.returncode == 0, done.stderr
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/bin/sh\n#")


def test_ci_runs_exactly_what_a_person_runs():
    last = (ROOT / ".ci/run").read_text().strip().splitlines()[-1]

    assert last == 'exec "$(dirname "$0")/../bin/test" "$@"'


def test_the_lab_needs_nothing_but_a_bare_python():
    words = ["python3", "-I", "-c", "import sys; sys.path.insert(0, '.'); import tests.lab.__main__"]
    done = subprocess.run(
        words,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={"PATH": "/usr/bin:/bin"},
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [["bin/lab", "--help"], ["bin/lab", "--name", "no-such-lab", "down"]])
def test_the_lab_command_starts_from_any_folder(words: list[str], tmp_path: Path):
    script, *rest = words
    done = subprocess.run(
        [str(ROOT / script), *rest], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False
    )

    assert done.returncode == 0, done.stderr
