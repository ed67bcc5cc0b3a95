"""Forges that are told what becomes of their commits, by the names in shipway.yml. Adding one: write the module, add a line here.

A module is imported when its forge is first told something: python-gitlab alone takes a quarter of a second. No secret
of the operator's file leaves in a text.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from threading import Lock
from typing import cast

from pipeline.errors import Rejected
from pipeline.fleet.service import Repository
from pipeline.reports.desk import Reporter
from pipeline.reports.report import Comment, CommitStatus, EnvironmentStatus
from runners.mask import Mask

TABLE = {
    "gitlab": "runners.reporters.gitlab:GitLabReporter",
    "github": "runners.reporters.github:GitHubReporter",
    "gitea": "runners.reporters.gitea:GiteaReporter",
    "forgejo": "runners.reporters.gitea:GiteaReporter",
}


class Reporters(Mapping[str, Reporter]):
    """Each is made when it is first asked for, and kept: with it its connections."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = secrets
        self._made: dict[str, Reporter] = {}
        self._lock = Lock()

    def __getitem__(self, name: str) -> Reporter:
        with self._lock:
            if name not in self._made:
                self._made[name] = Masked(_reporter(name), Mask(self._secrets))
            return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(TABLE)

    def __len__(self) -> int:
        return len(TABLE)

    def __contains__(self, name: object) -> bool:
        return name in TABLE  # without loading it


class Masked:
    """A reporter in whose texts secrets are ***."""

    def __init__(self, reporter: Reporter, mask: Mask) -> None:
        self._reporter = reporter
        self._mask = mask

    def status(self, repository: Repository, status: CommitStatus, known: str) -> str:
        return self._reporter.status(repository, replace(status, text=self._mask.hide(status.text)), known)

    def environment(self, repository: Repository, status: EnvironmentStatus, known: str) -> str:
        return self._reporter.environment(repository, status, known)

    def comment(self, repository: Repository, comment: Comment) -> None:
        self._reporter.comment(repository, replace(comment, text=self._mask.hide(comment.text)))


def _reporter(name: str) -> Reporter:
    module, _, kind = TABLE[name].partition(":")
    try:
        return cast(Reporter, getattr(import_module(module), kind)())
    except ModuleNotFoundError as error:
        raise Rejected(
            f"{name} needs the Python package {error.name}, which is not installed where Shipway runs. Install it: "
            f"pip install 'shipway[{name}]', or set `reports: false` at the repository."
        ) from error
