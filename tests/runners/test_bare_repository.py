"""Real pushes into real bare repositories, told to a small server."""

import json
import os
import stat
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pipeline.errors import Conflict, Refused, Rejected, Unreachable
from pipeline.fleet.service import Repository
from pipeline.intake.push import Push, RefKind
from pipeline.secret import Secret
from runners import bare_repository
from runners.bare_repository import init
from runners.forges.git import Git

GONE = (404, {"title": "Not found", "detail": "No service here is built from project 'shop'.\u001b[2J"})
DOWN = (503, {"title": "Service unavailable"})
QUEUED = (202, {"delivery": 1, "runs": [12]})


class Server(HTTPServer):
    """Gives its answers one after the other, the last one for ever, and remembers what it was told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.answers: list[tuple[int, object]] = [QUEUED]
        self.targets = "shop/test"
        self.told: list[tuple[str, dict[str, str], bytes]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Answering(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.told.append((self.path, headers, body))
        status, answer = (
            self.server.answers[0] if len(self.server.answers) == 1 else self.server.answers.pop(0)
        )
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("location", "/elsewhere")
        self.send_header("x-shipway-targets", self.server.targets)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Not to the test's output."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def clone(tmp_path: Path, server: Server) -> Path:
    """A work tree with one commit, and the bare repository it pushes to."""
    init(str(tmp_path / "shop.git"), "shop", server.url, str(tmp_path / "keys" / "shop.secret"))
    hurry(tmp_path)
    work = tmp_path / "work"
    git(tmp_path, "clone", "--quiet", str(tmp_path / "shop.git"), str(work))
    git(work, "commit", "--allow-empty", "-m", "Add a shop\n\nWith goods.")
    return work


def hurry(folder: Path) -> None:
    """Try again without waiting."""
    file = folder / "shop.git" / "hooks" / "shipway-hook.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"delays": [0, 0]}))


def git(folder: Path, *words: str, **environ: str) -> str:
    settings = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "SHIPWAY_PUSHER": "ada",
        **{
            f"GIT_{who}_{what}": "ada@example.com"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    done = subprocess.run(
        ["git", *words],
        cwd=folder,
        env=settings | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def said(output: str) -> list[str]:
    lines = [
        line.removeprefix("remote: ").strip() for line in output.splitlines() if line.startswith("remote: ")
    ]
    return [line for line in lines if line.startswith("Shipway: ")]


def pushes(server: Server, folder: Path) -> tuple[Push, ...]:
    """The last delivery, proved and read by the forge itself."""
    _, headers, body = server.told[-1]
    secret = Secret((folder / "keys" / "shop.secret").read_text().strip())
    return Git().read(headers, body, Repository("x", "git", "shop", secret), datetime.now(UTC)).pushes


# ------------------------------------------------------------------------------------------------ pushes


def test_a_push_is_told_and_the_pusher_sees_the_run(clone, server, tmp_path):
    output = git(clone, "push", "origin", "HEAD:main")

    commit = git(clone, "rev-parse", "HEAD").strip()
    assert said(output) == [f"Shipway: run 12 queued for shop/test: {server.url}/api/v1/runs/12"]
    assert server.told[0][0] == "/hooks/git"
    assert pushes(server, tmp_path) == (
        Push("git", "shop", RefKind.BRANCH, "main", commit, "", "ada", "Add a shop\n\nWith goods."),
    )


def test_links_lead_to_the_public_address(clone, server, tmp_path):
    init(
        str(tmp_path / "shop.git"),
        "shop",
        server.url,
        str(tmp_path / "keys" / "shop.secret"),
        "https://ship.example/",
    )

    output = git(clone, "push", "origin", "HEAD:main")

    assert said(output) == ["Shipway: run 12 queued for shop/test: https://ship.example/api/v1/runs/12"]


def test_a_force_push_is_told_as_such(clone, server, tmp_path):
    git(clone, "push", "origin", "HEAD:main")
    git(clone, "commit", "--amend", "--allow-empty", "-m", "Another")

    git(clone, "push", "--force", "origin", "HEAD:main")

    assert [push.forced for push in pushes(server, tmp_path)] == [True]


def test_a_plain_second_push_is_not_forced(clone, server, tmp_path):
    git(clone, "push", "origin", "HEAD:main")
    git(clone, "commit", "--allow-empty", "-m", "More")

    git(clone, "push", "origin", "HEAD:main")

    assert [push.forced for push in pushes(server, tmp_path)] == [False]


def test_an_annotated_tag_is_told_with_its_commit(clone, server, tmp_path):
    git(clone, "tag", "-a", "v1", "-m", "One")

    git(clone, "push", "origin", "v1")

    commit = git(clone, "rev-parse", "HEAD").strip()
    assert [(push.kind, push.ref, push.commit) for push in pushes(server, tmp_path)] == [
        (RefKind.TAG, "v1", commit)
    ]


def test_a_deleted_branch_is_told(clone, server, tmp_path):
    git(clone, "push", "origin", "HEAD:main", "HEAD:old")

    git(clone, "push", "origin", ":old")

    assert [(push.ref, push.deleted) for push in pushes(server, tmp_path)] == [("old", True)]


def test_several_refs_travel_in_one_delivery(clone, server, tmp_path):
    git(clone, "push", "origin", "HEAD:main", "HEAD:test", "HEAD:$(id)")

    assert {push.ref for push in pushes(server, tmp_path)} == {"main", "test", "$(id)"}
    assert len(server.told) == 1


def test_push_options_travel_too(clone, server, tmp_path):
    git(clone, "push", "-o", "ci.skip", "-o", "note=x", "origin", "HEAD:main")

    assert pushes(server, tmp_path)[0].options == {"ci.skip": "", "note": "x"}


def test_a_reason_for_doing_nothing_is_shown(clone, server):
    server.answers = [(200, {"delivery": 1, "ignored": "no environment of shop takes branch 'x'"})]

    output = git(clone, "push", "origin", "HEAD:x")

    assert said(output) == ["Shipway: nothing to do: no environment of shop takes branch 'x'"]


def test_without_targets_only_the_runs_are_shown(clone, server):
    server.answers, server.targets = [(202, {"delivery": 1, "runs": [12, 13]})], ""

    output = git(clone, "push", "origin", "HEAD:main")

    assert said(output) == [f"Shipway: run {run} queued: {server.url}/api/v1/runs/{run}" for run in (12, 13)]


# ------------------------------------------------------------------------------------------------ bad days


def test_a_server_that_comes_back_is_told_again_with_the_same_delivery(clone, server):
    server.answers = [DOWN, QUEUED]

    output = git(clone, "push", "origin", "HEAD:main")

    assert len({json.loads(body)["delivery"] for _, _, body in server.told}) == 1
    assert len(server.told) == 2
    assert said(output)[0].startswith("Shipway: run 12 queued")


@pytest.mark.parametrize(
    ("answer", "what", "tries"),
    [
        (GONE, "No service here is built from project 'shop'.?[2J", 1),
        (DOWN, "Service unavailable", 2),
        ((429, b""), "it answered HTTP Error 429: Too Many Requests", 2),
        ((302, b""), "it answered HTTP Error 302: Found", 1),
        ((200, b"<html>"), "Expecting value", 2),
        ((200, [1]), "'list' object has no attribute 'get'", 1),
    ],
)
def test_a_server_that_does_not_take_it_never_fails_the_push(clone, server, answer, what, tries):
    server.answers = [answer]

    output = git(clone, "push", "origin", "HEAD:main")

    first, last = said(output)
    assert what in first
    assert last == "Shipway: the push itself is done; Shipway finds it when it looks at the repository next."
    assert len(server.told) == tries


def test_a_server_that_is_away_never_fails_the_push(clone, server, tmp_path):
    file = tmp_path / "shop.git" / "hooks" / "shipway-hook.json"
    file.write_text(file.read_text().replace(server.url, "http://127.0.0.1:9"))

    first, _ = said(git(clone, "push", "origin", "HEAD:main"))

    assert first.startswith("Shipway: could not be told of this push: http://127.0.0.1:9: ")
    assert server.told == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"project": "shop"}'])
def test_broken_settings_never_fail_the_push(clone, tmp_path, content):
    (tmp_path / "shop.git" / "hooks" / "shipway-hook.json").write_text(content)

    assert len(said(git(clone, "push", "origin", "HEAD:main"))) == 2


def test_a_web_proxy_of_the_machine_is_not_asked(clone):
    output = git(
        clone, "push", "origin", "HEAD:main", http_proxy="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9"
    )

    assert said(output)[0].startswith("Shipway: run 12 queued")


def test_a_hooks_path_of_the_users_own_does_not_hide_the_hook(clone, server, tmp_path):
    (tmp_path / "work" / ".gitconfig").write_text(f"[core]\n\thooksPath = {tmp_path}/elsewhere\n")

    assert said(git(clone, "push", "origin", "HEAD:main"))


# ------------------------------------------------------------------------------------------------ making it


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
