"""A bare repository made without a work tree: commits from dictionaries, refs with any name git's plumbing accepts."""

import os
import subprocess
from pathlib import Path

_ENV = {
    **{"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"},
    **{f"GIT_{who}_{what}": "Ada" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


class Origin:
    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "-q", "--bare", "-b", "main")

    @property
    def url(self) -> str:
        return str(self.path)

    def commit(
        self,
        files: dict[str, str],
        links: dict[str, str] | None = None,
        gitlinks: dict[str, str] | None = None,
        parent: str = "",
    ) -> str:
        """The commit's id. No ref points at it yet. `links`: symbolic links; `gitlinks`: submodules by path."""
        index = {"GIT_INDEX_FILE": str(self.path / "index.tmp")}
        (self.path / "index.tmp").unlink(missing_ok=True)
        kinds = {"100644": files, "120000": links or {}}
        for mode, entries in kinds.items():
            for name, text in entries.items():
                blob = self.git("hash-object", "-w", "--stdin", stdin=text)
                real = "100755" if name.endswith(".sh") and mode == "100644" else mode
                self.git("update-index", "--add", "--cacheinfo", f"{real},{blob},{name}", **index)
        for name, pinned in (gitlinks or {}).items():
            self.git("update-index", "--add", "--cacheinfo", f"160000,{pinned},{name}", **index)
        tree = self.git("write-tree", **index)
        after = ["-p", parent] if parent else []
        return self.git("commit-tree", *after, "-m", f"Files {sorted(files)}", tree)

    def branch(self, name: str, commit: str) -> None:
        self.git("update-ref", f"refs/heads/{name}", commit)

    def ref(self, name: str, commit: str) -> None:
        """Any, by its full name."""
        self.git("update-ref", name, commit)

    def tag(self, name: str, commit: str) -> None:
        """Annotated."""
        self.git("tag", "-a", "-m", name, name, commit)

    def forget(self, name: str) -> None:
        """The branch goes, and with it every commit that only it held."""
        self.git("update-ref", "-d", f"refs/heads/{name}")
        self.git("reflog", "expire", "--expire=now", "--all")
        self.git("gc", "-q", "--prune=now")

    def git(self, *words: str, stdin: str = "", **environ: str) -> str:
        done = subprocess.run(
            ["git", f"--git-dir={self.path}", *words],
            env=os.environ | _ENV | environ,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"git {' '.join(words)}: {done.stderr}")
        return done.stdout.strip()
