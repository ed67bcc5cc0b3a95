"""A part of the lab that a test cannot do without."""

import os

import pytest

from tests.lab.layout import Lab, load
from tests.parts.laboratory import LabHost, Laboratory


def needed(found: LabHost | None, kind: str) -> LabHost:
    """A host of this kind; without one the test is skipped with the reason, or fails when CI=true."""
    if found is None and os.environ.get("CI") == "true":
        pytest.fail(f"this lab has no {kind} host", pytrace=False)
    if found is None:
        pytest.skip(f"this lab has no {kind} host: bin/lab up --{kind}")
    return found


def own_network(lab: Laboratory) -> Lab:
    """The layout of a lab that has network namespaces; with one shared engine the test is skipped, or fails when CI=true."""
    found = load(lab.state)
    missing = "this lab is one shared engine and has no network of its own: run bin/lab up as root"
    if found is None and os.environ.get("CI") == "true":
        pytest.fail(missing, pytrace=False)
    if found is None:
        pytest.skip(missing)
    return found
