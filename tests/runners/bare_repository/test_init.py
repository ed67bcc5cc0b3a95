"""A bare repository is made, or one that is there gets its hook."""

import json
import os
import stat
from pathlib import Path

import pytest

from pipeline.errors import Conflict, Refused, Rejected, Unreachable
from runners import bare_repository
from runners.bare_repository import init
from tests.runners.bare_repository.ground import git


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_for_the_owner_only(tmp_path):
    init(str(tmp_path / "a.git"), "a", "http://x", str(tmp_path / "keys" / "a"))

    assert mode(tmp_path / "a.git" / "hooks" / "shipway-hook.json") == 0o600
    assert mode(tmp_path / "keys" / "a") == 0o600
    assert mode(tmp_path / "a.git" / "hooks" / "post-receive") == 0o755


def test_a_second_init_renews_the_hook_and_keeps_the_rest(clone, tmp_path):
    git(clone, "push", "origin", "HEAD:main")
    secret = (tmp_path / "keys" / "shop.secret").read_text()
    (tmp_path / "shop.git" / "hooks" / "post-receive").write_text("# Shipway post-receive hook, but old")

    again = init(str(tmp_path / "shop.git"), "shop", "http://new", str(tmp_path / "keys" / "shop.secret"))

    settings = json.loads((tmp_path / "shop.git" / "hooks" / "shipway-hook.json").read_text())
    assert not again.created
    assert settings == {"url": "http://new", "project": "shop", "secret": secret.strip(), "public_url": ""}
    assert (tmp_path / "shop.git" / "hooks" / "post-receive").read_text().startswith("#!/usr/bin/env python3")
    assert git(tmp_path / "shop.git", "rev-parse", "main")


def test_a_given_secret_is_kept(tmp_path):
    (tmp_path / "secret").write_text("hush\n")

    init(str(tmp_path / "a.git"), "a", "http://x", str(tmp_path / "secret"))

    assert json.loads((tmp_path / "a.git" / "hooks" / "shipway-hook.json").read_text())["secret"] == "hush"


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "a.git").mkdir()

    assert init(str(tmp_path / "a.git"), "a", "http://x", str(tmp_path / "s")).created


def test_a_hook_of_somebody_elses_is_left_alone(tmp_path):
    init(str(tmp_path / "a.git"), "a", "http://x", str(tmp_path / "s"))
    hook = tmp_path / "a.git" / "hooks" / "post-receive"
    hook.write_text("#!/bin/sh\n")

    with pytest.raises(Conflict, match="is a hook of somebody else's"):
        init(str(tmp_path / "a.git"), "a", "http://x", str(tmp_path / "s"))

    assert hook.read_text() == "#!/bin/sh\n"


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "a.git").mkdir()
    (tmp_path / "a.git" / "thesis.txt").write_text("…")

    with pytest.raises(Conflict, match="exists and is not a bare git repository"):
        init(str(tmp_path / "a.git"), "a", "http://x", str(tmp_path / "s"))


@pytest.mark.parametrize("project", ["", "-x", "a\nb"])
def test_an_unusable_project_is_refused(tmp_path, project):
    with pytest.raises(Refused, match="cannot be a project's name"):
        init(str(tmp_path / "a.git"), project, "http://x", str(tmp_path / "s"))


def test_an_empty_secret_file_is_told(tmp_path):
    (tmp_path / "s").touch()

    with pytest.raises(Refused, match=r"is empty\. Remove it"):
        init(str(tmp_path / "a.git"), "a", "http://x", str(tmp_path / "s"))


def test_what_git_says_is_told(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(Rejected, match="git init failed: "):
        init(str(tmp_path / "file" / "a.git"), "a", "http://x", str(tmp_path / "s"))


def test_a_machine_without_git_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))  # the one way to take git away

    with pytest.raises(Rejected, match="git is not installed"):
        init(str(tmp_path / "a.git"), "a", "http://x", str(tmp_path / "s"))


def test_a_git_that_hangs_is_told(tmp_path, monkeypatch):
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")  # a git that hangs cannot be had otherwise
    monkeypatch.setattr(bare_repository, "TIMEOUT", 0.2)

    with pytest.raises(Unreachable, match="did not end within"):
        init(str(tmp_path / "a.git"), "a", "http://x", str(tmp_path / "s"))
