"""Random stories on every run, from seeds that stand still: 250 on a laptop, 1,200 in CI, 2,400 with SHIPWAY_SWEEP=full.
`bin/soak` tells fresh ones."""

import os

import pytest

from tests.rollout.telling import BATCH, tell

FULL = os.environ.get("SHIPWAY_SWEEP") == "full"
IN_CI = os.environ.get("CI") == "true"
ROLLOUTS, MOVES = (32, 16) if FULL else (16, 8) if IN_CI else (3, 2)
SEEDS = {"rollouts": ROLLOUTS, "moves": MOVES}


@pytest.mark.parametrize(
    ("book", "seed"), [(b, n) for b, count in SEEDS.items() for n in range(1, count + 1)]
)
def test_no_story_breaks_a_promise(book, seed):
    tell(book, seed, BATCH)


def test_same_seed_tells_the_same_stories(monkeypatch):
    """Else a story that broke something could not be told again."""
    said = [], []
    for lines in said:
        monkeypatch.setattr("tests.rollout.tales.note", lines.append)
        tell("rollouts", 7, 3)

    assert said[0] == said[1] != []
