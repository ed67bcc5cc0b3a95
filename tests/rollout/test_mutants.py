"""Each seeded bug is found by the stories that are told of a heart that has it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rollout.hunt import hunt
from tests.rollout.mutant import Mutant
from tests.rollout.mutants_of_the_road import ROAD
from tests.rollout.mutants_of_wishes import WISHES

ROOT = Path(__file__).parents[2]
MUTANTS = (*ROAD, *WISHES)
LONGEST = 240.0  # seconds; a hunt that takes longer has found nothing


def changed_heart(mutant: Mutant, folder: Path) -> Path:
    """A copy of pipeline/ with the bug in it. templates/ lies beside it, as it looks for them there."""
    shutil.copytree(ROOT / "pipeline", folder / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "templates").symlink_to(ROOT / "templates")
    file = folder / "pipeline" / "rollout" / mutant.file
    before = file.read_text()
    assert before.count(mutant.text) == 1, f"{mutant.file} has changed: seed the bug anew"
    file.write_text(before.replace(mutant.text, mutant.becomes))
    return folder


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_seeded_bug_is_found(mutant, tmp_path):
    heart = changed_heart(mutant, tmp_path)
    path = os.pathsep.join([str(heart), str(ROOT)])
    command = [sys.executable, "-P", "-m", "tests.rollout.hunt", *mutant.shapes]

    hunt = subprocess.run(
        command,
        cwd=heart,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )

    assert hunt.returncode == 0, f"{hunt.stdout}{hunt.stderr}"


@pytest.mark.parametrize("shape", sorted({s for m in MUTANTS for s in m.shapes} - {"moves"}))
def test_a_heart_without_a_bug_keeps_its_promises(shape):
    """Else the bugs above would be found in anything. Of the moves, test_stories tells the same."""
    assert hunt([shape], most=60) == ""
