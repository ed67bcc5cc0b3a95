"""The ports of the road from a commit to an image: the code, and the engine that builds and tests.

The contract of `ports.py` holds here too.
"""

from collections.abc import Callable
from typing import Protocol

from pipeline.delivery.orders import BuildOrder, ImageFacts, Recipe, TestOrder, TestOutcome
from pipeline.fleet.host import RegistryAccess
from pipeline.fleet.service import Repository
from pipeline.spec import BuildSpec, Spec


class Source(Protocol):
    """Turns a commit into a folder: a bare mirror per repository and a clean work tree per run."""

    def resolve(self, repository: Repository, ref: str) -> tuple[str, str, str]:
        """(kind, short ref, commit) of a branch, tag or commit as the remote has it now. Raises `NotFound`."""

    def checkout(
        self,
        repository: Repository,
        commit: str,
        ref: str,
        run_id: int,
        log: Callable[[str], None],
        stop: Callable[[], bool],
    ) -> str:
        """Path of a clean work tree at exactly this commit. Raises `StageFailed` when the commit does not exist.
        `stop` is the `Builder`'s: `Stopped` in < 5 s, also while the remote does not answer."""

    def spec(self, folder: str, path: str) -> Spec:
        """The repository's .shipway.yml at `path` in the work tree, or defaults. Raises `StageFailed` when it is wrong."""

    def recipe(self, folder: str, path: str, build: BuildSpec) -> Recipe:
        """The build's context and Dockerfile. Raises `StageFailed` when one is missing or leads out of the tree."""

    def clean(self, run_id: int) -> None: ...


class Builder(Protocol):
    """The engine that builds, tests and publishes. `stop` is asked often; when it says True the work ends in < 5 s
    with `Stopped` and leaves nothing behind."""

    def build(self, order: BuildOrder, log: Callable[[str], None], stop: Callable[[], bool]) -> str:
        """Image id. Raises `StageFailed` (the Dockerfile's fault, or time), `RunnerError` (ours)."""

    def test(self, order: TestOrder, log: Callable[[str], None], stop: Callable[[], bool]) -> TestOutcome:
        """Runs to the end or raises `StageFailed` on time. No engine socket, no new privileges, own network."""

    def facts(self, tag: str) -> ImageFacts:
        """Raises `Rejected` when this engine has no such image."""

    def free_bytes(self) -> int | None:
        """Of the disk that builds are written to; None: nobody can say."""

    def drop_cache(self) -> None:
        """All of BuildKit's, since the disk is full: the next builds take longer."""

    def publish(
        self,
        tag: str,
        repository: str,
        access: RegistryAccess,
        log: Callable[[str], None],
        stop: Callable[[], bool],
    ) -> str:
        """Push and return `repository@sha256:…` from the push's own answer."""

    def clean(self, run_id: int, service: str = "") -> None:
        """Remove every container, network and dangling image of this run. `service` keeps two Shipways apart that
        share one engine and count their runs alike."""
