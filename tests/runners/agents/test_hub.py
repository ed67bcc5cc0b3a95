"""The hub alone: its thread and those that tell it something."""

import sys
import threading

import pytest

from runners.agents.hub import Hub

TIMES = 300


@pytest.fixture
def hasty():
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("number", range(3))
def test_a_hub_that_is_at_work_can_be_closed_at_any_moment(tmp_path, hasty, number):
    for _ in range(TIMES):
        hub = Hub(str(tmp_path / str(number)))
        hub.start()
        busy = threading.Thread(
            target=lambda hub=hub: [hub.end("nobody", "it was revoked") for _ in range(20)]
        )
        busy.start()
        hub.close()
        busy.join()

        assert not hub.connected()
