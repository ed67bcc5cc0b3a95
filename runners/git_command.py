"""Runs git as a list of words, with nothing of this user's or machine's configuration, and names what went wrong.

A credential travels in the environment of one process and is read there by a tiny askpass script, which answers only
for the host it was meant for: never in arguments, addresses, files or messages. Hooks, `ext::` and helper programs are
off. A child never outlives us, its time limit or a wish to stop. Never decides what to fetch.
"""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from pipeline.errors import DiskFull, Rejected, RunnerError, Stopped, Unreachable
from pipeline.fleet.service import Repository
from pipeline.secret import Secret

# What the world may tell git: proxies, certificate authorities and the ssh agent. Everything else stays outside.
PASSED_ON = (
    *("PATH", "http_proxy", "https_proxy", "no_proxy", "all_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "SSH_AUTH_SOCK", "GIT_SSH_COMMAND"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"),
)
OPTIONS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "credential.helper=",
    "protocol.allow=never",
    "protocol.https.allow=always",
    "protocol.http.allow=always",
    "protocol.ssh.allow=always",
    "protocol.git.allow=always",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "gc.auto=0",
    "maintenance.auto=false",
)
GLANCE = 0.25  # seconds between two questions whether to stop
SSH = "ssh -o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=15"
ASKPASS = """#!/bin/sh
# Answers git's question for the one host that the credential belongs to, and no other.
case "$1" in
  *"//$SHIPWAY_GIT_HOST'"*|*"@$SHIPWAY_GIT_HOST'"*) ;;
  *) exit 1 ;;
esac
case "$1" in
  Username*) printf '%s\\n' "$SHIPWAY_GIT_USERNAME" ;;
  *) printf '%s\\n' "$SHIPWAY_GIT_PASSWORD" ;;
esac
"""
USERNAMES = {  # what these forges want beside a token
    "gitlab": "oauth2",
    "github": "x-access-token",
    "gitee": "oauth2",
    "bitbucket": "x-token-auth",
    "bitbucket-dc": "x-token-auth",
}

NO_SPACE = ("No space left on device", "Disk quota exceeded")
DENIED = (
    "Authentication failed",
    "could not read Username",
    "could not read Password",
    "Permission denied",
    "Host key verification failed",
    "error: 401",
    "error: 403",
    "HTTP 401",
    "HTTP 403",
    "Access denied",
)
ABSENT = (
    "not found",
    "does not exist",
    "does not appear to be a git repository",
    "' not allowed",
    "error: 404",
)
AWAY = (
    "Could not resolve host",
    "Connection refused",
    "Connection timed out",
    "Connection reset",
    "Operation timed out",
    "Failed to connect",
    "Couldn't connect",
    "unable to access",
    "unable to connect",
    "early EOF",
    "hung up",
    "RPC failed",
    "Network is unreachable",
    "No route to host",
    "error: 5",
)


class NoSuchRef(RunnerError):
    """The remote answered, and has no such ref. Never leaves `runners.source`."""


class MirrorBroken(RunnerError):
    """Our own copy does not work. Never leaves `runners.source`."""


@dataclass(frozen=True)
class Remote:
    """An address without credentials, and the credentials beside it."""

    url: str
    username: str = ""
    password: Secret = field(default_factory=lambda: Secret(""))

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def local(self) -> bool:
        """A path on this machine; `git@host:path` is not."""
        first = self.url.partition("/")[0]
        return self.url.startswith("file://") or ":" not in first


def remote_of(repository: Repository) -> Remote:
    """Credentials inside the address are taken out of it; the repository's token wins over a password there."""
    parts = urlsplit(repository.url)
    if parts.scheme not in ("http", "https"):
        return Remote(repository.url)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    token = repository.token.reveal() or password
    if not token and user and parts.password is None:
        user, token = "", user  # https://TOKEN@host
    netloc = parts.netloc.rpartition("@")[2]
    url = urlunsplit((parts.scheme, netloc, parts.path, parts.query, ""))
    return Remote(url, user or USERNAMES.get(repository.forge, "git"), Secret(token))


class GitCommand:
    """`directory` holds the askpass script and the empty home; it is made when first needed."""

    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        self._directory = directory
        self._passed = {name: environ[name] for name in PASSED_ON if environ.get(name)}
        # The kernel ends git when we are killed; a preexec function would not be safe beside our heartbeat's thread.
        setpriv = shutil.which("setpriv", path=self._passed.get("PATH"))
        self._guard = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
        self._stop: Callable[[], bool] = lambda: False

    def until(self, stop: Callable[[], bool]) -> "GitCommand":
        """The same, but whatever it runs ends soon after `stop` says so."""
        bound = copy(self)
        bound._stop = stop
        return bound

    def check(self) -> None:
        """Raises `Stopped` when it is time to."""
        if self._stop():
            raise Stopped("Stopped on request.")

    def run(
        self,
        words: Sequence[str],
        timeout: float,
        remote: Remote | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> str:
        """What git printed. Raises a `RunnerError` kind with git's own last words, or `Stopped`."""
        options = [word for option in OPTIONS for word in ("-c", option)]
        if remote and remote.local:
            options += ["-c", "protocol.file.allow=always"]
        environ = self.environ(remote) | dict(extra or {})
        with self._spawned([*self._guard, "git", *options, *words], environ) as child:
            try:
                out, err = self._followed(child, timeout, _late(words, timeout, remote))
            finally:
                _end_group(child)
        if (code := child.returncode) != 0:
            raise _failure(words, code, err, remote)
        return out

    def environ(self, remote: Remote | None = None) -> dict[str, str]:
        """Everything that a git process of ours gets to know."""
        script = self._prepared()
        environ = self._passed | {
            "HOME": str(self._directory / "home"),
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(self._directory / "gitconfig"),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": str(script),
            "GIT_LFS_SKIP_SMUDGE": "1",
        }
        environ.setdefault("GIT_SSH_COMMAND", SSH)
        if remote and remote.password:
            environ["SHIPWAY_GIT_HOST"] = remote.host
            environ["SHIPWAY_GIT_USERNAME"] = remote.username
            environ["SHIPWAY_GIT_PASSWORD"] = remote.password.reveal()
        return environ

    def _prepared(self) -> Path:
        script = self._directory / "askpass"
        config = self._directory / "gitconfig"
        if not (script.exists() and config.exists()):
            (self._directory / "home").mkdir(parents=True, exist_ok=True, mode=0o700)
            # Repositories on this machine may belong to another user (`shipway repo init` makes them for one).
            _write(config, "[safe]\n\tdirectory = *\n", 0o600)
            _write(script, ASKPASS, 0o700)
        return script

    def _spawned(self, words: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[str]:
        try:
            return subprocess.Popen(
                words,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,  # so that git's own children end with it
            )
        except FileNotFoundError as error:
            raise RunnerError("There is no git on this machine. Install it: apt-get install git.") from error

    def _followed(self, child: subprocess.Popen[str], timeout: float, late: str) -> tuple[str, str]:
        """(stdout, stderr) of the whole life. Raises `Unreachable` when that is too long, or `Stopped`."""
        until = time.monotonic() + timeout
        while True:
            self.check()
            try:
                return child.communicate(timeout=min(GLANCE, timeout))
            except subprocess.TimeoutExpired as error:
                if time.monotonic() >= until:
                    raise Unreachable(late) from error


def _verb(words: Sequence[str]) -> str:
    return next((word for word in words if not word.startswith("-") and "=" not in word), "git")


def _late(words: Sequence[str], timeout: float, remote: Remote | None) -> str:
    late = f"git {_verb(words)} did not end within {timeout:.0f} s and was stopped."
    if remote is None:
        return f"{late} Is this machine's disk very slow?"
    return f"{remote.url} does not answer, or too slowly: {late}"


def _end_group(child: subprocess.Popen[str]) -> None:
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


def _write(path: Path, text: str, mode: int) -> None:
    """Whole or not at all, whoever else does the same at this moment."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    fresh.write_text(text)
    fresh.chmod(mode)
    fresh.replace(path)


def _failure(words: Sequence[str], code: int, err: str, remote: Remote | None) -> RunnerError:
    said = " ".join(line.strip() for line in err.splitlines() if line.strip())[-600:] or f"exit code {code}"
    if any(mark in err for mark in NO_SPACE):
        return DiskFull(f"git {_verb(words)} found no space left on this machine's disk: {said}")
    if remote is None:
        return MirrorBroken(f"git {_verb(words)}: {said}")
    if "couldn't find remote ref" in err:
        return NoSuchRef(said)
    if any(mark in err for mark in DENIED):
        return Rejected(f"{remote.url} refused our credentials. Check repository.token. git said: {said}")
    if any(mark in err for mark in ABSENT):
        return Rejected(
            f"There is no repository at {remote.url} (or we may not see it). Check repository.url and "
            f"repository.token. git said: {said}"
        )
    if any(mark in err for mark in AWAY):
        return Unreachable(f"{remote.url} does not answer. git said: {said}")
    return MirrorBroken(f"git {_verb(words)} with {remote.url}: {said}")
