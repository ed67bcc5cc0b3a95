"""A part of the lab that a test cannot do without."""

import os

import pytest

from tests.parts.laboratory import LabHost


def needed(found: LabHost | None, kind: str) -> LabHost:
    """A host of this kind; without one the test is skipped with the reason, or fails when CI=true."""
    if found is None and os.environ.get("CI") == "true":
        pytest.fail(f"this lab has no {kind} host", pytrace=False)
    if found is None:
        pytest.skip(f"this lab has no {kind} host: bin/lab up --{kind}")
    return found
