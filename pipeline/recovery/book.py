"""What follows a restore, as the database keeps it. The contract of `books.py` holds."""

from collections.abc import Sequence
from typing import Protocol

from pipeline.recovery.adoption import Adoption
from pipeline.recovery.remains import Awaited
from pipeline.rollout.deployment import Deployment


class Recovery(Protocol):
    """Environments whose books were restored. Nothing is deployed to them before they are compared with what runs."""

    def awaited(self) -> Sequence[Awaited]: ...

    def waits(self, service: str, environment: str) -> bool: ...

    def close(self, adoption: Adoption, history: Deployment | None) -> None:
        """All of it in one transaction, once: who comes second changes nothing. `history`: the deployment that brought
        what is live, as far as it is known."""


class NoRecovery:
    """Nothing was restored."""

    def awaited(self) -> Sequence[Awaited]:
        return ()

    def waits(self, service: str, environment: str) -> bool:
        return False

    def close(self, adoption: Adoption, history: Deployment | None) -> None:
        """There is none."""
