"""A secret that Shipway keeps itself: what it is called, where and when it is given, and which of several is taken. Pure.

The value is never here: it stays sealed in the books until a release, a test or a build gets it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Use(StrEnum):
    """What a secret is for. Nothing is given to two of them."""

    BUILD = "build"  # steps of the image's build that mount it
    TEST = "test"  # test containers
    RUN = "run"  # replicas and hooks


@dataclass(frozen=True, order=True)
class Scope:
    """Where it is given. An empty service or environment stands for all."""

    service: str = ""
    environment: str = ""
    stage: Use = Use.RUN

    def __str__(self) -> str:
        where = "/".join((self.service or "all services", self.environment or "all environments"))
        return f"{where} ({self.stage})"

    def covers(self, service: str, environment: str, stage: Use) -> bool:
        return (
            self.stage is stage
            and self.service in ("", service)
            and self.environment in ("", environment or None)
        )

    @property
    def rank(self) -> tuple[bool, bool]:
        """A larger one is more specific: service and environment, service, environment, neither."""
        return bool(self.service), bool(self.environment)


@dataclass(frozen=True)
class StoredSecret:
    """As it is listed. `set_by` is a token's name, or `local`."""

    name: str
    scope: Scope
    set_at: datetime
    set_by: str


def chosen(
    known: Iterable[StoredSecret], service: str, environment: str, stage: Use, trusted: bool = True
) -> dict[str, StoredSecret]:
    """By name, the most specific one. Who is not trusted gets none: code that somebody wrote who may not push, such as
    a fork's merge request, could print them. `environment` empty: a run that is for none."""
    if not trusted:
        return {}
    found = [secret for secret in known if secret.scope.covers(service, environment, stage)]
    return {secret.name: secret for secret in sorted(found, key=lambda secret: secret.scope.rank)}


def how_to_set(name: str, scope: Scope) -> str:
    """The command, for messages."""
    words = ["shipway secret set", name]
    words += ["--service", scope.service] if scope.service else []
    words += ["--environment", scope.environment] if scope.environment else []
    words += ["--stage", scope.stage] if scope.stage is not Use.RUN else []
    return " ".join(words)
