"""The documents say what the code does."""

import re
from pathlib import Path

from pipeline.rollout import states
from tests.example_plan import example_plan

ROOT = Path(__file__).parents[1]


def test_the_picture_of_the_states_is_printed_from_the_table():
    page = (ROOT / "docs" / "rollout.md").read_text()

    drawn = page.split("<!-- states -->")[1].split("<!-- /states -->")[0]

    assert drawn.strip() == f"```mermaid\n{states.mermaid().strip()}\n```"


def test_the_plan_in_the_docs_is_what_the_rules_say():
    page = (ROOT / "docs" / "rollout.md").read_text()

    shown = page.split("<!-- plan -->")[1].split("<!-- /plan -->")[0]

    assert shown.strip() == example_plan(), "run: python -m tests.example_plan"


def test_every_proof_of_a_promise_is_there():
    named = re.findall(r"`(tests/[a-z_/]+(?:\.py)?)`", (ROOT / "docs" / "guarantees.md").read_text())

    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_file_of_the_walk_is_there():
    named = re.findall(
        r"`((?:pipeline|runners)/[a-z_/]+(?:\.py)?)`", (ROOT / "docs" / "how-it-travels.md").read_text()
    )

    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
