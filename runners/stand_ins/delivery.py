"""Source, builder and logs in memory, for dry runs and tests. They keep the contracts of `pipeline.ports`.

Trouble is asked for: put an error into `failing` under the name of a method, or a list of them to have it happen once
each. What was done stands in `deeds`, in order.
"""

import posixpath
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from pipeline.delivery.dockerfile import bases
from pipeline.delivery.findings import Finding, ScanOrder
from pipeline.delivery.orders import BuildOrder, ImageFacts, Recipe, TestOrder
from pipeline.delivery.report import CommandResult, TestOutcome, Totals
from pipeline.errors import NotFound, Rejected, ShipwayError, StageFailed, Stopped
from pipeline.fleet.host import RegistryAccess
from pipeline.fleet.service import Repository
from pipeline.spec import BuildSpec, Spec
from runners.log_stream import StageStream
from runners.mask import Mask

LIMIT = 1 << 20
Failing = dict[str, ShipwayError | list[ShipwayError]]


def _hang_if_asked(hanging: set[str], method: str, stop: Callable[[], bool]) -> None:
    while method in hanging and not stop():
        continue
    if stop():
        raise Stopped("Stopped on request.")


def _fail_if_asked(failing: Failing, method: str) -> None:
    wanted = failing.get(method)
    if isinstance(wanted, list):
        wanted = wanted.pop(0) if wanted else None
    if wanted:
        raise wanted


@dataclass
class MemorySource:
    """`commits` maps a commit to its files, `parents` to the one before; `refs` a full ref name to a commit. A method
    named in `hanging` lasts until it is stopped."""

    commits: dict[str, dict[str, str]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    specs: dict[str, Spec] = field(default_factory=dict)  # by commit; parsing is not ours
    failing: Failing = field(default_factory=dict)
    hanging: set[str] = field(default_factory=set)
    deeds: list[str] = field(default_factory=list)
    trees: dict[int, str] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    made: dict[str, datetime] = field(default_factory=dict)

    def resolve(self, repository: Repository, ref: str) -> tuple[str, str, str]:
        _fail_if_asked(self.failing, "resolve")
        short = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
        for prefix, kind in (("refs/heads/", "branch"), ("refs/tags/", "tag")):
            if f"{prefix}{short}" in self.refs and ref in (short, f"{prefix}{short}"):
                return kind, short, self.refs[f"{prefix}{short}"]
        found = [commit for commit in self.commits if len(ref) >= 7 and commit.startswith(ref)]
        if len(found) != 1:
            raise NotFound(f"{ref!r} is no branch, tag or commit of {repository.url}.")
        return "commit", found[0], found[0]

    def look(self, repository: Repository, tags: bool) -> dict[str, str]:
        _fail_if_asked(self.failing, "look")
        kinds = ("refs/heads/", "refs/tags/") if tags else ("refs/heads/",)
        return {name: commit for name, commit in self.refs.items() if name.startswith(kinds)}

    def checkout(
        self,
        repository: Repository,
        commit: str,
        ref: str,
        run_id: int,
        log: Callable[[str], None],
        stop: Callable[[], bool],
    ) -> str:
        _hang_if_asked(self.hanging, "checkout", stop)
        _fail_if_asked(self.failing, "checkout")
        if commit not in self.commits:
            raise StageFailed(f"Commit {commit[:12]} is no longer in {repository.url} (force-pushed away?).")
        self.deeds.append(f"checkout {commit}")
        self.trees[run_id] = commit
        log(f"Commit {commit[:12]}.\n")
        return f"/trees/run-{run_id}"

    def merge_base(self, repository: Repository, commit: str, branch: str, stop: Callable[[], bool]) -> str:
        _fail_if_asked(self.failing, "merge_base")
        before = self._line(self.refs.get(f"refs/heads/{branch}", ""))
        found = next((one for one in self._line(commit) if one in before), "")
        if not found:
            raise NotFound(f"{commit[:12]} shares no commit with a branch {branch!r} of {repository.url}.")
        return found

    def changes(self, repository: Repository, since: str, commit: str) -> tuple[str, ...]:
        _fail_if_asked(self.failing, "changes")
        if since not in self._line(commit):
            raise NotFound(f"{commit[:12]} does not come after {since[:12]}.")
        old, new = self.commits[since], self.commits[commit]
        return tuple(sorted(path for path in {*old, *new} if old.get(path) != new.get(path)))

    def spec(self, folder: str, path: str) -> Spec:
        _fail_if_asked(self.failing, "spec")
        return self.specs.get(self._commit(folder), Spec())

    def recipe(self, folder: str, path: str, build: BuildSpec) -> Recipe:
        name = posixpath.normpath(posixpath.join(path, build.context, build.dockerfile))
        files = self.commits[self._commit(folder)]
        if name.startswith("..") or name not in files:
            raise StageFailed(
                f"There is no {name} in this commit. Add one, or name it under build.dockerfile."
            )
        context = posixpath.normpath(posixpath.join(folder, path, build.context))
        return Recipe(context, build.dockerfile, files[name])

    def tree(self, repository: Repository, commit: str, folder: str, inside: str) -> str:
        files = self.commits[commit]
        place = posixpath.relpath(inside, folder)
        found = {name: text for name, text in files.items() if place == "." or name.startswith(f"{place}/")}
        return f"{hash(tuple(sorted(found.items()))) & (1 << 64) - 1:x}" if found else ""

    def committed_at(self, repository: Repository, commit: str) -> datetime | None:
        return self.made.get(commit, datetime(2026, 1, 1, tzinfo=UTC))

    def clean(self, run_id: int) -> None:
        self.trees.pop(run_id, None)

    def _line(self, commit: str) -> list[str]:
        """The commit and all before it."""
        line = []
        while commit in self.commits:
            line.append(commit)
            commit = self.parents.get(commit, "")
        return line

    def _commit(self, folder: str) -> str:
        return self.trees[int(folder.rpartition("-")[2])]


@dataclass
class MemoryBuilder:
    """`images` by tag; `pushed` by repository. A method named in `hanging` lasts until it is
    stopped."""

    outcomes: list[TestOutcome] = field(
        default_factory=list
    )  # one an attempt; none left: every command is green
    image_facts: ImageFacts = field(default_factory=ImageFacts)
    failing: Failing = field(default_factory=dict)
    hanging: set[str] = field(default_factory=set)
    deeds: list[str] = field(default_factory=list)
    images: dict[str, int] = field(default_factory=dict)  # tag -> run
    orders: list[BuildOrder | TestOrder] = field(default_factory=list)
    registry: set[str] = field(default_factory=set)  # images by digest
    left_over: set[int] = field(default_factory=set)  # runs with containers or networks
    free: int | None = None
    bases_here: dict[str, str] = field(default_factory=dict)  # image -> digest
    bases_there: dict[str, str] = field(default_factory=dict)  # likewise; of others there is one too
    findings: list[Finding] = field(default_factory=list)  # of every image
    cache: int = 0  # bytes that `drop_cache` frees

    def build(self, order: BuildOrder, log: Callable[[str], None], stop: Callable[[], bool]) -> str:
        self._begin("build", order, stop)
        log(f"Building {order.tag}.\n")
        for base in bases(order.text, order.args):
            if order.refresh or base not in self.bases_here:
                self.bases_here[base] = self.bases_there.get(base, f"sha256:{base}")
        self.images[order.tag] = order.run
        return f"sha256:{hash(order.tag) & (1 << 64) - 1:064x}"

    def base_here(self, image: str) -> str:
        return self.bases_here.get(image, "")

    def base_there(self, image: str, access: RegistryAccess) -> str:
        _fail_if_asked(self.failing, "base_there")
        return self.bases_there.get(image, f"sha256:{image}")

    def test(self, order: TestOrder, log: Callable[[str], None], stop: Callable[[], bool]) -> TestOutcome:
        self._begin("test", order, stop)
        green = (CommandResult(name, 0, totals=Totals(1)) for name in order.commands)
        outcome = self.outcomes.pop(0) if self.outcomes else TestOutcome(tuple(green))
        commands = (replace(command, attempts=order.attempt) for command in outcome.commands)
        log(f"{outcome.summary}\n")
        return TestOutcome(tuple(commands))

    def scan(
        self, order: ScanOrder, log: Callable[[str], None], stop: Callable[[], bool]
    ) -> Sequence[Finding]:
        _hang_if_asked(self.hanging, "scan", stop)
        _fail_if_asked(self.failing, "scan")
        self.deeds.append(f"scan {order.tag}")
        return [one for one in self.findings if one.severity in order.policy.severity]

    def facts(self, tag: str) -> ImageFacts:
        _fail_if_asked(self.failing, "facts")
        if tag not in self.images:
            raise Rejected(f"The builder's engine has no image {tag}.")
        return self.image_facts

    def free_bytes(self) -> int | None:
        _fail_if_asked(self.failing, "free_bytes")
        return self.free

    def drop_cache(self) -> None:
        self.deeds.append("drop cache")
        self.free, self.cache = (self.free or 0) + self.cache, 0

    def publish(
        self,
        tag: str,
        repository: str,
        access: RegistryAccess,
        log: Callable[[str], None],
        stop: Callable[[], bool],
    ) -> str:
        _hang_if_asked(self.hanging, "publish", stop)
        _fail_if_asked(self.failing, "publish")
        if tag not in self.images:
            raise Rejected(f"The builder's engine has no image {tag}.")
        self.deeds.append(f"publish {tag}")
        image = f"{repository}@sha256:{self.images[tag]:064x}"
        self.registry.add(image)
        return image

    def published(self, image: str, access: RegistryAccess) -> bool:
        _fail_if_asked(self.failing, "published")
        return image in self.registry

    def clean(self, run_id: int, service: str = "", keep: Collection[int] | None = None) -> None:
        _fail_if_asked(self.failing, "clean")
        self.deeds.append(f"clean {run_id}")
        self.left_over.discard(run_id)
        self.images.pop(
            next((t for t, run in self.images.items() if run == run_id and t.endswith("-test")), ""), None
        )
        old = {t for t, run in self.images.items() if f"/{service}:" in t and run not in (keep or ())}
        for tag in old if keep is not None else ():
            del self.images[tag]

    def _begin(self, what: str, order: BuildOrder | TestOrder, stop: Callable[[], bool]) -> None:
        self.orders.append(order)
        self.left_over.add(order.run)
        _hang_if_asked(self.hanging, what, stop)
        _fail_if_asked(self.failing, what)
        self.deeds.append(f"{what} {order.tag if isinstance(order, BuildOrder) else order.image}")


class MemoryLogs:
    """Like `runners.log_store.FileLogs`, without files and without a second process."""

    def __init__(self, limit_bytes: int = LIMIT) -> None:
        self._limit = limit_bytes
        self._mask = Mask(())
        self._secrets: tuple[str, ...] = ()
        self._texts: dict[int, bytearray] = {}
        self._streams: dict[tuple[int, str], StageStream] = {}
        self._spent: dict[tuple[int, str], int] = {}  # bytes
        self._parts: dict[int, list[tuple[str, int]]] = {}

    def hide(self, secrets: Sequence[str]) -> None:
        self._secrets = (*self._secrets, *secrets)
        self._mask = Mask(self._secrets)
        for stream in self._streams.values():
            stream.use(self._mask)

    def masked(self, text: str) -> str:
        return self._mask.hide(text)

    def append(self, run_id: int, stage: str, text: str) -> None:
        key = (run_id, stage)
        if key not in self._streams:
            self._streams[key] = StageStream(self._mask, self._limit, self._spent.get(key, 0))
        self._write(key, self._streams[key].feed(text))

    def close(self, run_id: int, stage: str) -> None:
        stream = self._streams.pop((run_id, stage), None)
        if stream:
            self._write((run_id, stage), stream.end())

    def _write(self, key: tuple[int, str], text: str) -> None:
        data = text.encode("utf-8", "replace")
        self._texts.setdefault(key[0], bytearray()).extend(data)
        self._spent[key] = self._spent.get(key, 0) + len(data)
        parts = self._parts.setdefault(key[0], [])
        goes_on = bool(parts) and parts[-1][0] == key[1]
        parts.append((key[1], len(data) + (parts.pop()[1] if goes_on else 0)))

    def size(self, run_id: int) -> int:
        return len(self._texts.get(run_id, b""))

    def parts(self, run_id: int) -> list[tuple[str, int]]:
        return list(self._parts.get(run_id, ()))

    def read(self, run_id: int, offset: int = 0, limit: int = 1 << 20) -> tuple[bytes, int]:
        found = bytes(self._texts.get(run_id, b"")[offset : offset + limit])
        return found, offset + len(found)
