"""Stages that several tests of moves and losses begin on."""

import pytest

from tests.rollout.stage import Stage


@pytest.fixture(params=[False, True], ids=["a proxy each", "edge"])
def spared(request) -> Stage:
    """Two of three hosts are used."""
    stage = Stage(hosts=3, edge=request.param, spare=1, place=True)
    stage.live()
    return stage


@pytest.fixture
def full() -> Stage:
    """All three hosts are used."""
    stage = Stage(hosts=3, edge=True)
    stage.live()
    return stage
