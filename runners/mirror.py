"""One bare copy of one repository on this disk: brings single commits here and writes them out as folders.

Refs are kept under flat names of our own, so that `a` and `a/b` of different days never collide and no name that
somebody pushed becomes a path or an option. One process at a time works on a mirror; one that does not work any more
is built anew, once. What a git that was stopped left half done is removed. Never keeps a credential.
"""

import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import RunnerError, StageFailed, Stopped, Unreachable
from runners.git_command import GitCommand, MirrorBroken, NoSuchRef, Remote

LOCAL_TIMEOUT = 300.0  # seconds, for work on our own disk
FETCH_TIMEOUT = 900.0
COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
EVERYTHING = ("+refs/heads/*:refs/all/heads/*", "+refs/tags/*:refs/all/tags/*")


def file_name(remote: Remote) -> str:
    return f"{hashlib.sha256(remote.url.encode()).hexdigest()[:24]}.git"


class Mirror:
    """`directory` is shared by all mirrors. Nothing is made before the first checkout. `git` knows when to stop."""

    def __init__(self, directory: Path, remote: Remote, git: GitCommand) -> None:
        self.path = directory / file_name(remote)
        self.remote = remote
        self._lock = self.path.with_suffix(".lock")
        self._git = git

    def checkout(self, commit: str, ref: str, tree: Path, log: Callable[[str], None]) -> None:
        """A new folder `tree` with exactly this commit. Raises `StageFailed` when the repository does not have it,
        or `Stopped`."""
        if not COMMIT.fullmatch(commit):
            raise StageFailed(f"{commit!r} is not the full id of a commit.")
        with self._alone():
            try:
                self._write(commit, ref, tree, log)
            except MirrorBroken as broken:
                log(f"Our copy of {self.remote.url} does not work and is built anew: {broken}\n")
                shutil.rmtree(self.path, ignore_errors=True)
                try:
                    self._write(commit, ref, tree, log)
                except MirrorBroken as again:
                    raise RunnerError(f"{again}. A new copy did not help.") from again

    def find(self, short: str) -> str:
        """The full id of an abbreviated one, after a fetch of everything; empty when there is none or several."""
        with self._alone():
            self._init("")
            self._fetch(EVERYTHING)
            try:
                return self.local("rev-parse", "--verify", "--quiet", f"{short}^{{commit}}").strip()
            except MirrorBroken:
                return ""

    def merge_base(self, commit: str, branch: str) -> str:
        """Where the commit left the branch as the remote has it now; empty when they share nothing."""
        with self._alone():
            self._init(commit)
            self._fetch((_tip("heads", branch),))
            try:
                return self.local("merge-base", f"refs/tips/{_flat('heads', branch)}", commit).strip()
            except MirrorBroken:
                return ""

    def changes(self, since: str, commit: str) -> tuple[str, ...] | None:
        """Paths that differ, a renamed file's old one included; None when `since` is no ancestor that is here."""
        try:
            self.local("merge-base", "--is-ancestor", since, commit)
            listed = self.local("diff-tree", "-r", "-z", "--name-only", "--no-renames", since, commit)
        except MirrorBroken:
            return None
        return tuple(path for path in listed.split("\0") if path)

    def local(self, *words: str) -> str:
        return self._git.run([f"--git-dir={self.path}", *words], LOCAL_TIMEOUT)

    def _write(self, commit: str, ref: str, tree: Path, log: Callable[[str], None]) -> None:
        self._init(commit)
        self._bring(commit, ref, log)
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir(parents=True, mode=0o700)
        index = tree.with_name(f".{tree.name}.index")
        index.unlink(missing_ok=True)
        try:
            # An index and a work tree of its own: the mirror keeps no trace of it, and the folder holds no .git.
            self._git.run(
                [
                    f"--git-dir={self.path}",
                    f"--work-tree={tree}",
                    "read-tree",
                    "--reset",
                    "-u",
                    "--no-recurse-submodules",
                    commit,
                ],
                LOCAL_TIMEOUT,
                extra={"GIT_INDEX_FILE": str(index)},
            )
        finally:
            index.unlink(missing_ok=True)
            index.with_name(f"{index.name}.lock").unlink(missing_ok=True)

    def _bring(self, commit: str, ref: str, log: Callable[[str], None]) -> None:
        """Asks for as little as possible: nothing, the ref, at last everything."""
        for refspecs in (*_likely(ref), EVERYTHING):
            if self._has(commit):
                return
            begun = time.monotonic()
            try:
                self._fetch(refspecs)
            except NoSuchRef:
                continue
            what = ref if refspecs is not EVERYTHING else "all branches and tags"
            log(f"Fetched {what} of {self.remote.url} in {time.monotonic() - begun:.1f} s.\n")
        if not self._has(commit):
            raise StageFailed(
                f"Commit {commit[:12]} is no longer in {self.remote.url} (force-pushed away?). "
                "Push again, or start a run of a branch as it is now."
            )

    def _fetch(self, refspecs: tuple[str, ...]) -> None:
        words = [f"--git-dir={self.path}", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head"]
        if refspecs is EVERYTHING:
            words.append("--prune")
        words += ["--no-recurse-submodules", "--end-of-options", self.remote.url, *refspecs]
        self._git.run(words, FETCH_TIMEOUT, self.remote)
        # Many small fetches leave many small files. In the foreground: we hold the lock, and nothing may outlive us.
        tidy = [
            "-c",
            "gc.auto=6700",
            "-c",
            "gc.autoDetach=false",
            f"--git-dir={self.path}",
            "gc",
            "--auto",
            "--quiet",
        ]
        self._git.run(tidy, LOCAL_TIMEOUT)

    def _has(self, commit: str) -> bool:
        try:
            self.local("cat-file", "-e", f"{commit}^{{commit}}")
        except MirrorBroken:
            return False
        return True

    def _init(self, commit: str) -> None:
        if (self.path / "HEAD").exists():
            return
        shutil.rmtree(self.path, ignore_errors=True)
        kind = "sha256" if len(commit) == 64 else "sha1"
        words = ["init", "--quiet", "--bare", "--template=", f"--object-format={kind}", str(self.path)]
        self._git.run(words, LOCAL_TIMEOUT)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The lock dies with its process."""
        self._lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._wait_for(handle)
            os.utime(handle)  # when it was used last, for whoever tidies
            self._forget_halves()  # of a process that was killed
            try:
                yield
            except (Stopped, RunnerError):
                self._forget_halves()
                raise
        finally:
            os.close(handle)

    def _wait_for(self, handle: int) -> None:
        until = time.monotonic() + FETCH_TIMEOUT
        while True:
            self._git.check()
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise Unreachable(
                        f"Another run has been fetching {self.remote.url} for {FETCH_TIMEOUT:.0f} s."
                    ) from None
                time.sleep(0.05)
            else:
                return

    def _forget_halves(self) -> None:
        """Only while we are alone: locks, and objects that did not arrive in full."""
        for half in (*self.path.rglob("*.lock"), *self.path.glob("objects/**/tmp_*")):
            if not half.is_dir():
                half.unlink(missing_ok=True)


def _likely(ref: str) -> list[tuple[str, ...]]:
    """What may hold it, one after the other. In full, as of a merge request, it is asked for as it is."""
    if not ref or COMMIT.fullmatch(ref):
        return []
    if ref.startswith("refs/"):
        return [(f"+{ref}:refs/tips/{_flat('full', ref)}",)]
    return [(_tip(kind, ref),) for kind in ("heads", "tags")]


def _tip(kind: str, ref: str) -> str:
    return f"+refs/{kind}/{ref}:refs/tips/{_flat(kind, ref)}"


def _flat(kind: str, ref: str) -> str:
    return hashlib.sha256(f"{kind}/{ref}".encode()).hexdigest()[:24]
