"""The machine's clock."""

import time
from datetime import UTC, datetime


class SystemClock:
    """Implements `pipeline.ports.Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))
