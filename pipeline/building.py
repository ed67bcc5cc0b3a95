"""The ports of the road from a commit to an image: the code, the engine that builds and tests, the files tests leave.

The contract of `ports.py` holds here too.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pipeline.delivery.findings import Finding, ScanOrder
from pipeline.delivery.orders import BuildOrder, ImageFacts, Recipe, TestOrder
from pipeline.delivery.report import TestOutcome
from pipeline.errors import NotFound
from pipeline.fleet.host import RegistryAccess
from pipeline.fleet.service import Repository
from pipeline.spec import BuildSpec, Spec


class Source(Protocol):
    """Turns a commit into a folder: a bare mirror per repository and a clean work tree per run."""

    def resolve(self, repository: Repository, ref: str) -> tuple[str, str, str]:
        """(kind, short ref, commit) of a branch, tag or commit as the remote has it now. Raises `NotFound`."""

    def look(self, repository: Repository, tags: bool) -> dict[str, str]:
        """All branches, and tags when asked for, by full name, as the remote has them now. Of an annotated tag the tag
        object, and under its name with `^{}` behind it the commit."""

    def checkout(
        self,
        repository: Repository,
        commit: str,
        ref: str,
        run_id: int,
        log: Callable[[str], None],
        stop: Callable[[], bool],
    ) -> str:
        """Path of a clean work tree at exactly this commit. Raises `StageFailed` when the commit does not exist. `ref`:
        the short name of a branch or tag, or in full (refs/pull/3/head), where it is likely to be found.
        `stop` is the `Builder`'s: `Stopped` in < 5 s, also while the remote does not answer."""

    def merge_base(self, repository: Repository, commit: str, branch: str, stop: Callable[[], bool]) -> str:
        """Of a commit that was checked out: where it left the branch, as the remote has it now. Raises `NotFound`."""

    def changes(self, repository: Repository, since: str, commit: str) -> tuple[str, ...]:
        """Paths that differ between two commits, of which the second was checked out; of a renamed file both. Raises
        `NotFound`, saying why, when the first is no ancestor of it."""

    def spec(self, folder: str, path: str) -> Spec:
        """The repository's .shipway.yml at `path` in the work tree, or defaults. Raises `StageFailed` when it is wrong."""

    def recipe(self, folder: str, path: str, build: BuildSpec) -> Recipe:
        """The build's context and Dockerfile. Raises `StageFailed` when one is missing or leads out of the tree."""

    def tree(self, repository: Repository, commit: str, folder: str, inside: str) -> str:
        """Git's id of all that lies in `inside`, a folder of the work tree `folder` of this commit; empty: it has none."""

    def committed_at(self, repository: Repository, commit: str) -> datetime | None:
        """Of a commit that was checked out: when it was made, as its author's machine said. None: nobody can say."""

    def clean(self, run_id: int) -> None: ...


class Builder(Protocol):
    """The engine that builds, tests and publishes. `stop` is asked often; when it says True the work ends in < 5 s
    with `Stopped` and leaves nothing behind."""

    def build(self, order: BuildOrder, log: Callable[[str], None], stop: Callable[[], bool]) -> str:
        """Image id. Raises `StageFailed` (the Dockerfile's fault, or time), `RunnerError` (ours)."""

    def base_here(self, image: str) -> str:
        """Digest under which this engine has an image that builds begin with; `id:…` of one that was made there and is of
        no registry; empty: it is not there."""

    def base_there(self, image: str, access: RegistryAccess) -> str:
        """Digest that its name means in its registry now. Raises `Unreachable` or `Rejected` when nobody can say."""

    def test(self, order: TestOrder, log: Callable[[str], None], stop: Callable[[], bool]) -> TestOutcome:
        """Runs every command to its end or raises `StageFailed` on time. No engine socket, no new privileges, own
        network. The files of `order.artifacts` are kept under the run's number."""

    def scan(
        self, order: ScanOrder, log: Callable[[str], None], stop: Callable[[], bool]
    ) -> Sequence[Finding]:
        """Those that count by the order's policy. Raises a `RunnerError` when nobody can say."""

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

    def published(self, image: str, access: RegistryAccess) -> bool:
        """Whether the registry still has `repository@sha256:…`."""

    def clean(self, run_id: int, service: str = "", keep: Collection[int] | None = None) -> None:
        """Remove every container, network and dangling image of this run. `service` keeps two Shipways apart that
        share one engine and count their runs alike. `keep`: the runs of the service whose images stay as they are; None:
        all. What another Shipway made stays."""


@dataclass(frozen=True)
class Artifact:
    """A file that the tests of a run left. `path` is how its container named it, and never a place of ours."""

    path: str
    size: int


class Artifacts(Protocol):
    """Files that test containers left, and what is kept of an image, by run."""

    def listed(self, run_id: int) -> Sequence[Artifact]:
        """By path."""

    def content(self, run_id: int, path: str) -> Iterator[bytes]:
        """Raises `NotFound` at once, not when the first piece is asked for."""

    def keep_bytes(self, run_id: int, path: str, content: bytes) -> bool:
        """False: the run has no room left for it. One that comes again replaces what was."""


class NoArtifacts:
    """Keeps none: where nothing is ever tested."""

    def listed(self, run_id: int) -> Sequence[Artifact]:
        return ()

    def content(self, run_id: int, path: str) -> Iterator[bytes]:
        raise NotFound(f"Run {run_id} has no artifact {path!r}: none are kept here.")

    def keep_bytes(self, run_id: int, path: str, content: bytes) -> bool:
        return False
