"""Looks once an hour whether GitLab has turned off a webhook of ours, as it does after answers that it did not like.

GitHub, Gitea and the rest turn none off by themselves. What cannot be asked is left out: the sweep finds lost pushes anyway.
"""

import logging
from collections.abc import Callable, Sequence
from importlib import import_module

from pipeline.errors import ShipwayError
from pipeline.fleet.service import Service
from pipeline.settings import Settings

log = logging.getLogger("shipway.notice")

EVERY = 3600.0  # seconds


class GitLabHooks:
    """Implements `pipeline.notices.book.HookWatch`. `clock` only grows."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._url = f"{settings.server.url.rstrip('/')}/hooks/gitlab"
        self._services = [s for s in settings.services.values() if _may_be_asked(s)]
        self._clock = clock
        self._due = clock()

    def turned_off(self) -> Sequence[tuple[str, str]]:
        if not self._services or self._clock() < self._due:
            return ()
        self._due = self._clock() + EVERY
        found = [(service.name, self._why(service)) for service in self._services]
        return [(name, why) for name, why in found if why]

    def _why(self, service: Service) -> str:
        """A module that is not installed was said by `doctor` and by the first report."""
        try:
            hook = import_module("runners.gitlab_hook").GitLabHook(service.repository, self._url).look()
        except (ShipwayError, ModuleNotFoundError) as error:
            log.info("webhook not looked at", extra={"service": service.name, "error": str(error)})
            return ""
        return str(hook.disabled) if hook is not None else ""


def _may_be_asked(service: Service) -> bool:
    return service.repository.forge == "gitlab" and bool(service.repository.token)
