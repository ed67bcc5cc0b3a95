"""A git repository with the sample service: a work tree to commit in and a remote to push to. Real git, no network."""

import os
import shutil
import subprocess
from pathlib import Path

APP = Path(__file__).parents[1] / "sample_app"
_FILES = ("Dockerfile", "server.py", "test_app.py", ".shipway.yml", ".dockerignore")
OWN_FILE = (APP / ".shipway.yml").read_text()
# git obeys nobody's own configuration here: a signing key or hook of the developer's would change what is tested
_GIT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_TERMINAL_PROMPT": "0",
}


class SampleRepository:
    """`commit` writes a version of the service, `push` sends it to the remote.

    Not `tested`: without a test stage, which takes a fifth of the time of a push, for those who look at rollouts alone.
    """

    def __init__(self, tree: Path, remote: Path, tested: bool = True) -> None:
        self.tree = tree
        self.remote = remote
        self._tested = tested

    def create(self, bare: bool = True) -> "SampleRepository":
        """The work tree with the service in it, and with `bare` a remote without hooks."""
        self.tree.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self._copy()
        if bare:
            self.remote.mkdir(parents=True)
            self.git("init", "-q", "--bare", "-b", "main", str(self.remote))
        self.git("remote", "add", "origin", str(self.remote))
        return self

    def commit(self, version: str, bad: str = "", **files: str) -> str:
        """A commit with this version, badness (see the sample service) and further files; its hash."""
        for name, text in {"VERSION": version, "BAD": bad, **files}.items():
            path = self.tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", f"Version {version} {bad}".strip())
        return self.git("rev-parse", "HEAD").strip()

    def restore(self) -> None:
        """The next commit has the sample service's own files again, and no others."""
        for name in self.git("ls-files").splitlines():
            (self.tree / name).unlink(missing_ok=True)
        self._copy()

    def _copy(self) -> None:
        for name in _FILES:
            shutil.copy(APP / name, self.tree / name)
        if not self._tested:
            kept = [line for line in OWN_FILE.splitlines(True) if not line.startswith("test:")]
            (self.tree / ".shipway.yml").write_text("".join(kept))

    def push(self, ref: str = "main") -> str:
        """What the remote's hooks said."""
        return self.git("push", "-q", "-u", "origin", f"HEAD:refs/heads/{ref}", both=True)

    def git(self, *words: str, both: bool = False) -> str:
        done = subprocess.run(
            ["git", *words],
            cwd=self.tree,
            env=os.environ | _GIT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"git {' '.join(words)}: {done.stderr}")
        return done.stdout + (done.stderr if both else "")
