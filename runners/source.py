"""Turns a commit into a folder: a bare mirror for each repository and a clean work tree for each run.

Nothing in a repository is trusted: names of refs never become options or paths, no hook or filter runs, and a file is
only read when it lies inside the tree after all symbolic links were followed. Never builds anything.
"""

import posixpath
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from configparser import Error as ConfigError
from datetime import UTC, datetime
from pathlib import Path

from pipeline.delivery.orders import Recipe
from pipeline.errors import NotFound, RunnerError, StageFailed, Stopped
from pipeline.fleet.service import Repository
from pipeline.spec import BuildSpec, Spec
from pipeline.spec_file import parse_spec
from runners.git_command import GitCommand, MirrorBroken, NoSuchRef, remote_of
from runners.mirror import COMMIT, Mirror
from runners.submodules import check_out_submodules

LIST_TIMEOUT = 30.0  # seconds
LOOK_TIMEOUT = 20.0  # nobody waits for it
LARGEST_FILE = 1 << 20  # bytes of a Dockerfile or .shipway.yml
LONGEST_RUN = 2 * 24 * 3600.0  # seconds
SPEC = ".shipway.yml"


class GitSource:
    """Everything lies under `directory`/git."""

    def __init__(self, directory: str, environ: Mapping[str, str]) -> None:
        self._root = Path(directory).absolute() / "git"
        self._git = GitCommand(self._root, environ)

    def resolve(self, repository: Repository, ref: str) -> tuple[str, str, str]:
        short = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
        seen = self._seen(repository, short) if self._valid(short) else {}
        for prefix, kind in (("refs/heads/", "branch"), ("refs/tags/", "tag")):
            name = f"{prefix}{short}"
            if name in seen and ref in (short, name):
                return kind, short, seen.get(f"{name}^{{}}", seen[name])
        commit = self._commit(repository, ref)
        if not commit:
            raise NotFound(f"{ref!r} is no branch, tag or commit of {remote_of(repository).url}.")
        return "commit", commit, commit

    def look(self, repository: Repository, tags: bool) -> dict[str, str]:
        kinds = ["--heads", "--tags"] if tags else ["--heads"]
        return self._listed(repository, LOOK_TIMEOUT, *kinds)

    def checkout(
        self,
        repository: Repository,
        commit: str,
        ref: str,
        run_id: int,
        log: Callable[[str], None],
        stop: Callable[[], bool],
    ) -> str:
        self._forget_old_trees()
        tree, git = self._tree(run_id), self._git.until(stop)
        mirror = self._mirror(repository, git)
        try:
            mirror.checkout(commit, ref if self._valid(ref) else "", tree, log)
            if repository.submodules:
                check_out_submodules(mirror, commit, tree, git, log)
        except Stopped:
            self.clean(run_id)
            raise
        log(_described(mirror, commit, self._git))
        return str(tree)

    def merge_base(self, repository: Repository, commit: str, branch: str, stop: Callable[[], bool]) -> str:
        try:
            found = self._mirror(repository, self._git.until(stop)).merge_base(commit, branch)
        except NoSuchRef:
            found = ""
        except MirrorBroken as error:
            raise RunnerError(str(error)) from error
        if not found:
            raise NotFound(f"{commit[:12]} shares no commit with a branch {branch!r} of {repository.url}.")
        return found

    def changes(self, repository: Repository, since: str, commit: str) -> tuple[str, ...]:
        found = None
        if COMMIT.fullmatch(since) and COMMIT.fullmatch(commit):
            found = self._mirror(repository, self._git).changes(since, commit)
        if found is None:
            raise NotFound(
                f"{commit[:12]} does not come after {since[:12]}: a force push, or that commit is not here any more."
            )
        return found

    def spec(self, folder: str, path: str) -> Spec:
        where = posixpath.normpath(posixpath.join(path, SPEC))
        file = _inside(folder, where)
        if not file.exists():
            return Spec()
        return parse_spec(_text(file, where))

    def recipe(self, folder: str, path: str, build: BuildSpec) -> Recipe:
        place = posixpath.join(path, build.context)
        context = _inside(folder, place)
        if not context.is_dir():
            raise StageFailed(f"There is no folder {posixpath.normpath(place)} to build in (build.context).")
        names = [posixpath.join(place, build.dockerfile), posixpath.join(path, build.dockerfile)]
        for name in names:
            file = _inside(folder, name)
            if file.is_file():
                relative = posixpath.relpath(posixpath.normpath(name), posixpath.normpath(place))
                return Recipe(str(context), relative, _text(file, name))
        raise StageFailed(
            f"There is no {posixpath.normpath(names[0])} in this commit. Add one, or name it under build.dockerfile in {SPEC}."
        )

    def tree(self, repository: Repository, commit: str, folder: str, inside: str) -> str:
        place = posixpath.relpath(inside, str(Path(folder).resolve()))
        if not COMMIT.fullmatch(commit) or place.startswith("../"):
            return ""
        name = f"{commit}^{{tree}}" if place == "." else f"{commit}:{place}"
        try:
            return self._mirror(repository, self._git).local("rev-parse", "--verify", "--quiet", name).strip()
        except MirrorBroken:
            return ""

    def committed_at(self, repository: Repository, commit: str) -> datetime | None:
        """Never fails the run for a figure."""
        try:
            stamp = self._mirror(repository, self._git).local("show", "-s", "--format=%ct", commit)
            return datetime.fromtimestamp(int(stamp), UTC)
        except (RunnerError, ValueError, OverflowError, OSError):
            return None

    def clean(self, run_id: int) -> None:
        shutil.rmtree(self._tree(run_id), ignore_errors=True)

    def _forget_old_trees(self) -> None:
        """Of runs that ended without anybody to clean up after them."""
        for tree in self._root.glob("trees/run-*"):
            try:
                old = time.time() - tree.lstat().st_mtime > LONGEST_RUN
            except FileNotFoundError:
                continue  # another worker was faster
            if old:
                shutil.rmtree(tree, ignore_errors=True)

    def _tree(self, run_id: int) -> Path:
        return self._root / "trees" / f"run-{int(run_id)}"

    def _mirror(self, repository: Repository, git: GitCommand) -> Mirror:
        return Mirror(self._root / "mirrors", remote_of(repository), git)

    def _valid(self, ref: str) -> bool:
        if not ref or not ref.isprintable():
            return False
        try:
            self._git.run(["check-ref-format", f"refs/heads/{ref}"], LIST_TIMEOUT)
        except MirrorBroken:
            return False
        return True

    def _seen(self, repository: Repository, short: str) -> dict[str, str]:
        names = f"refs/heads/{short}", f"refs/tags/{short}", f"refs/tags/{short}^{{}}"
        return self._listed(repository, LIST_TIMEOUT, names=names)

    def _listed(
        self, repository: Repository, timeout: float, *kinds: str, names: Sequence[str] = ()
    ) -> dict[str, str]:
        """What the remote has now. Annotated tags come with a second, peeled line."""
        remote = remote_of(repository)
        words = ["ls-remote", "--quiet", *kinds, "--end-of-options", remote.url, *names]
        try:
            out = self._git.run(words, timeout, remote)
        except MirrorBroken as error:
            raise RunnerError(str(error)) from error
        lines = (line.split("\t", 1) for line in out.splitlines() if "\t" in line)
        return {name: commit for commit, name in lines}

    def _commit(self, repository: Repository, text: str) -> str:
        short = text.lower()
        if not 7 <= len(short) <= 64 or not set(short) <= set("0123456789abcdef"):
            return ""
        found = self._mirror(repository, self._git).find(short)
        return found if COMMIT.fullmatch(found) else ""


def _inside(folder: str, relative: str) -> Path:
    """The real place of a path of the tree. Raises `StageFailed` when it is not inside."""
    root = Path(folder).resolve()
    try:
        place = (root / relative).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise StageFailed(f"{relative!r} in the repository cannot be followed: {error}.") from error
    if not place.is_relative_to(root):
        raise StageFailed(
            f"{relative!r} leads out of the repository. Paths and symbolic links must stay inside it."
        )
    return place


def _text(file: Path, name: str) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        raise StageFailed(f"{name} in the repository cannot be read: {error.strerror}.") from error
    if len(content) > LARGEST_FILE:
        raise StageFailed(f"{name} is larger than 1 MiB. Is it the right file?")
    return content.decode("utf-8", "replace")


def _described(mirror: Mirror, commit: str, git: GitCommand) -> str:
    """One line for people: who wrote what. Never decides anything, so it never fails."""
    plain = f"Commit {commit[:12]}.\n"
    if len(commit) != 40:  # GitPython reads no SHA-256 repositories
        return plain
    from git import Repo  # GitPython runs `git version` when it is imported, and fails where there is none
    from git.exc import GitError

    try:
        with Repo(mirror.path, expand_vars=False) as repo:
            repo.git.update_environment(**git.environ())
            found = repo.commit(commit)
            return f"Commit {commit[:12]} by {found.author.name}: {str(found.summary)[:200]}\n"
    except (GitError, ConfigError, ValueError, OSError):
        return plain
