"""The webhook of a GitLab project: made, repaired, tested, looked at. Never touches a webhook that calls somewhere else.

GitLab before 19 ignores a signing token without a word, so what it answers is read: `signing_token_present`. It shows
no secret again, so both are set anew each time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gitlab.exceptions import GitlabError

from pipeline.errors import Forbidden, Rejected
from pipeline.fleet.service import Repository
from runners.gitlab_client import AT_ONCE, GitLabClients, speaking

WANTED = {
    "name": "shipway",
    "push_events": True,
    "tag_push_events": True,
    "merge_requests_events": True,
    "branch_filter_strategy": "all_branches",
    "enable_ssl_verification": True,
}
ENABLED = "executable"
TRIGGER = "push_events"


@dataclass(frozen=True)
class WebHook:
    """What stands at GitLab. `repaired`: which settings were other than they should be."""

    id: int
    url: str
    created: bool = False
    repaired: tuple[str, ...] = ()
    removed: int = 0  # others with the same address
    signed: bool = False
    alert: str = ENABLED
    disabled_until: str = ""

    @property
    def disabled(self) -> str:
        """A sentence, when GitLab does not call it any more."""
        if self.alert == ENABLED:
            return ""
        until = f"until {self.disabled_until}" if self.disabled_until else "for good"
        return f"GitLab has turned the webhook off {until}, since too many of its calls failed in a row."


class GitLabHook:
    """Of one repository, called at `url`."""

    def __init__(self, repository: Repository, url: str) -> None:
        self._repository = repository
        self._url = url
        self._project = GitLabClients().project(repository)

    def connect(self, secret: str, signing: str) -> WebHook:
        """There is exactly one afterwards, and it is as it should be. Calling it again changes nothing."""
        with self._speaking("find the project"):
            self._project.manager.gitlab.projects.get(self._repository.project, **AT_ONCE)
        values = {"url": self._url, **WANTED, "token": secret, "signing_token": signing}
        with self._speaking("set its webhook"):
            first, *others = self._own() or [None]
            if first is None:
                return _seen(self._project.hooks.create(values, **AT_ONCE), created=True)
            for other in others:
                self._project.hooks.delete(other.id, **AT_ONCE)
            repaired = tuple(sorted(k for k, v in WANTED.items() if first.attributes.get(k, v) != v))
            self._project.hooks.update(first.id, values, **AT_ONCE)
            now = self._project.hooks.get(first.id, **AT_ONCE)
        return _seen(now, repaired=repaired, removed=len(others))

    def look(self) -> WebHook | None:
        """Changes nothing. Raises `Forbidden` when the token may not see webhooks."""
        with self._speaking("show its webhooks"):
            try:
                own = self._own()
            except GitlabError as error:
                if error.response_code == 403:
                    raise Forbidden(
                        "The token may not see webhooks; that takes the role Maintainer."
                    ) from error
                raise
        return _seen(own[0]) if own else None

    def test(self, hook: WebHook) -> None:
        """GitLab calls it with a push of the default branch's head. What is answered 2xx also turns it on again."""
        try:
            self._project.hooks.get(hook.id, lazy=True).test(TRIGGER)
        except GitlabError as error:
            if error.response_code != 422:
                with self._speaking("test its webhook"):
                    raise
            raise Rejected(
                f"GitLab called {self._url} and it went wrong: {error.error_message}. Look at the webhook's recent events "
                f"at GitLab, and whether it can reach that address; docs/forges.md tells the usual causes."
            ) from error

    def _own(self) -> Sequence[Any]:
        return [hook for hook in self._project.hooks.list(iterator=True, **AT_ONCE) if hook.url == self._url]

    def _speaking(self, what: str) -> Any:
        return speaking(self._repository, what)


def _seen(hook: Any, created: bool = False, repaired: tuple[str, ...] = (), removed: int = 0) -> WebHook:
    facts = hook.attributes
    return WebHook(
        id=hook.id,
        url=hook.url,
        created=created,
        repaired=repaired,
        removed=removed,
        signed=bool(facts.get("signing_token_present")),
        alert=facts.get("alert_status") or ENABLED,
        disabled_until=facts.get("disabled_until") or "",
    )
