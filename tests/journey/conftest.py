"""The road is a fixture."""

from tests.journey.road import road

__all__ = ["road"]
