"""Makes a bare git repository whose hook tells Shipway of each push: no forge is needed, plain `git push` does.

Calling it again renews the hook and its settings and keeps everything else. Never touches commits, and never replaces a
hook that somebody else wrote.
"""

import json
import os
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pipeline.assets import templates_dir
from pipeline.errors import Conflict, Refused, Rejected, Unreachable

HOOK = "post-receive"
SETTINGS = "shipway-hook.json"
MARK = "Shipway post-receive hook"
TIMEOUT = 30.0
CONFIG = {
    "receive.denyNonFastForwards": "false",
    "receive.fsckObjects": "true",
    "receive.advertisePushOptions": "true",  # git push -o ci.skip
}


@dataclass(frozen=True)
class BareRepository:
    """What stands now. `created` False: it was there already and its hook was renewed."""

    path: str  # absolute; what `git push` and `repository.url` take
    project: str
    url: str
    secret_file: str
    created: bool


def init(path: str, project: str, url: str, secret_file: str, public_url: str = "") -> BareRepository:
    """Make or renew the bare repository at `path`, its pushes told to the server at `url` as `project`. The pusher
    sees links to `public_url`, or to `url`.

    `secret_file` is made (0600, random) when it does not exist; shipway.yml names it as `secret: file:…`.
    Raises `Conflict` when `path` holds something else or a hook that is not ours, `Refused` for an unusable name.
    """
    if not project or not project.isprintable() or project.startswith("-"):
        raise Refused(f"{project!r} cannot be a project's name. Use a name such as shop or acme/shop.")
    folder = Path(path).absolute()
    created = not _repository(folder)
    if created:
        _git("init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(folder))
    hooks = folder / "hooks"
    for key, value in {**CONFIG, "core.hooksPath": str(hooks)}.items():  # over a hooksPath of the user's own
        _git("--git-dir", str(folder), "config", key, value)
    secret = secret_in(Path(secret_file).absolute(), secrets.token_urlsafe(32))
    hooks.mkdir(exist_ok=True)
    settings = {"url": url, "project": project, "secret": secret, "public_url": public_url}
    _write(hooks / SETTINGS, json.dumps(settings, indent=2) + "\n", 0o600)
    _write(hooks / HOOK, (templates_dir() / "git" / HOOK).read_text(encoding="utf-8"), 0o755)
    return BareRepository(str(folder), project, url, str(Path(secret_file).absolute()), created)


def _repository(folder: Path) -> bool:
    """True: a bare repository that may be ours. False: nothing yet. Raises `Conflict` for anything else."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    if not ((folder / "HEAD").is_file() and (folder / "objects").is_dir()):
        raise Conflict(
            f"{folder} exists and is not a bare git repository. Choose another path, or move it away."
        )
    hook = folder / "hooks" / HOOK
    if hook.exists() and MARK not in hook.read_text(encoding="utf-8", errors="replace"):
        raise Conflict(
            f"{hook} is a hook of somebody else's. Move it away, or call it from elsewhere, then try again."
        )
    return True


def secret_in(file: Path, fresh: str) -> str:
    """The file's text, which is `fresh` when it was not there. Two at once: the first one's stays."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        found = file.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
        if not found:
            raise Refused(f"The secret file {file} is empty. Remove it to have a new one made.") from None
        return found
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(fresh + "\n")
    return fresh


def _write(file: Path, text: str, mode: int) -> None:
    """At once or not at all: a push that comes in the middle finds the old file or the new one."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        os.fchmod(handle, mode)  # whatever the umask
        out.write(text)
    fresh.replace(file)


def _git(*words: str) -> None:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", *words], env=environ, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except FileNotFoundError:
        raise Rejected(
            "git is not installed on this machine. Install it (apt-get install git) and try again."
        ) from None
    except subprocess.TimeoutExpired:
        raise Unreachable(f"git {words[0]} did not end within {TIMEOUT:g} s. Is the disk in order?") from None
    if done.returncode != 0:
        raise Rejected(f"git {words[0]} failed: {done.stderr.strip()[-500:]}")
