"""`shipway up` beside a fake GitLab, all of it over HTTP: connected by the command, called by a real push, seen at the forge."""

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.forge.gitlab import FakeGitLab, Outage, fake_gitlab
from tests.forge.gitlab_project import Project
from tests.parts.house import House, ending

pytestmark = pytest.mark.live
NOWHERE = "tcp://127.0.0.1:9"  # an engine that never answers: builds wait for it


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[FakeGitLab]:
    with fake_gitlab(tmp_path / "gitlab") as server:
        yield server


@pytest.fixture
def project(gitlab: FakeGitLab) -> Project:
    return gitlab.project("acme/shop")


@pytest.fixture
def house(gitlab: FakeGitLab, project: Project, tmp_path: Path) -> Iterator[House]:
    host = SimpleNamespace(name="web-1", engine=NOWHERE, address="127.0.0.1", keys={})
    nothing: Any = SimpleNamespace(
        hosts=[host],
        mode="apart",
        registry="127.0.0.1:9",
        builder=NOWHERE,
        images={"haproxy": "haproxy:3.2"},
        remove=lambda values: None,
    )
    house = House(tmp_path / "house", nothing, tmp_path / "unused", service="shop")
    house.config["services"]["shop"]["repository"] = {
        "url": gitlab.clone_url(project),
        "forge": "gitlab",
        "token": gitlab.token(),
    }
    with ending(house):
        yield house


def push(gitlab: FakeGitLab, project: Project, folder: Path) -> str:
    """A commit from a work tree to main, over HTTP; its id."""
    address = gitlab.clone_url(project).replace("://", f"://mia:{gitlab.token('write_repository')}@")
    if not folder.exists():
        _git("init", "-q", "-b", "main", str(folder))
    (folder / "Dockerfile").write_text(f"FROM scratch\n# {os.urandom(4).hex()}\n")
    _git("-C", str(folder), "add", ".")
    _git(
        "-C",
        str(folder),
        "-c",
        "user.name=Mia",
        "-c",
        "user.email=mia@example.com",
        "commit",
        "-qm",
        "Sell more",
    )
    _git("-C", str(folder), "push", "-q", address, "main")
    return _git("-C", str(folder), "rev-parse", "HEAD")


def _git(*words: str) -> str:
    return subprocess.run(
        ["git", *words], check=True, capture_output=True, text=True, timeout=30
    ).stdout.strip()


def connect(house: House) -> str:
    """As docs/gitlab.md says: make the secrets, write them down, connect again."""
    house.write()
    house.shipway("gitlab", "connect", "acme/shop")
    keys = house.folder / "data" / "keys"
    house.config["services"]["shop"]["repository"] |= {
        "secret": f"file:{keys}/gitlab-acme-shop.token",
        "signing_secret": f"file:{keys}/gitlab-acme-shop.signing",
    }
    house.start()
    return house.shipway("gitlab", "connect", "acme/shop")


def shows(house: House, project: Project, commit: str, **wanted: str) -> None:
    def there() -> bool:
        shown = project.shown(commit)
        return all(shown.get(f"shipway/{name}") == state for name, state in wanted.items())

    house.until(f"GitLab shows {wanted}", there, 30, lambda: f"{project.shown(commit)}\n{house.log()}")


def test_from_nothing_to_a_push_that_shows_at_the_forge(
    house: House, gitlab: FakeGitLab, project: Project, tmp_path: Path
) -> None:
    first = push(gitlab, project, tmp_path / "tree")
    said = connect(house)
    run = house.run_of(first)
    assert "Tested" in said

    commit = push(gitlab, project, tmp_path / "tree")

    (sent,) = gitlab.delivered()[-1:]
    assert (sent.status, "webhook-signature" in sent.headers) == (202, True)
    shows(house, project, first, checkout="success", build="running")
    house.post(f"/runs/{run}/cancel")
    shows(house, project, first, build="canceled", deploy="canceled")
    shows(house, project, commit, checkout="success", build="running", deploy="pending")


def test_an_outage_of_the_forge_and_a_restart_end_with_the_right_states(
    house: House, gitlab: FakeGitLab, project: Project, tmp_path: Path
) -> None:
    commit = push(gitlab, project, tmp_path / "tree")
    connect(house)
    run = house.run_of(commit)
    shows(house, project, commit, checkout="success", build="running")
    gitlab.outage = Outage(503)
    house.post(f"/runs/{run}/cancel")
    house.finished_run(run)
    house.stop()
    house.start()

    gitlab.outage = Outage()

    shows(house, project, commit, checkout="success", build="canceled", deploy="canceled")


def test_a_restart_while_the_forge_is_silent_is_made_good_at_once(
    house: House, gitlab: FakeGitLab, project: Project, tmp_path: Path
) -> None:
    commit = push(gitlab, project, tmp_path / "tree")
    connect(house)
    run = house.run_of(commit)
    shows(house, project, commit, checkout="success", build="running")
    gitlab.outage = Outage(503, only="/statuses/", answers=threading.Event())
    house.post(f"/runs/{run}/cancel")
    house.until("GitLab was asked", lambda: any(call.status == 503 for call in gitlab.asked), 30)
    house.stop()  # in the middle of a call: whoever made it gives nothing back
    house.start()

    gitlab.outage = Outage()

    shows(house, project, commit, checkout="success", build="canceled", deploy="canceled")


def test_no_token_is_in_any_log(house: House, gitlab: FakeGitLab, project: Project, tmp_path: Path) -> None:
    commit = push(gitlab, project, tmp_path / "tree")
    connect(house)
    token = house.config["services"]["shop"]["repository"]["token"]
    house.run_of(commit)
    shows(house, project, commit, checkout="success")

    del gitlab.tokens[token]
    push(gitlab, project, tmp_path / "tree")

    house.until("it is given up", lambda: "given up" in house.log(), 30, house.log)
    assert token not in house.log(100_000)
    assert "wrong, revoked or expired" in house.log(100_000)
