"""Real pushes to a fake GitLab, which really calls: what a signature, a token and a kind of push become here."""

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from pipeline.secret import Secret
from pipeline.web.app import create_app
from runners.gitlab_hook import GitLabHook
from tests.forge.gitlab import FakeGitLab, fake_gitlab
from tests.forge.gitlab_hooks import Delivery, alert_status
from tests.runners.forges.bodies import SIGNING
from tests.web.conftest import SECRET, House
from tests.web.test_job_calls import Quiet


@dataclass
class Ground:
    gitlab: FakeGitLab
    house: House
    tree: Path
    token: str

    def git(self, *words: str) -> str:
        names = ("-c", "user.name=Mia", "-c", "user.email=mia@example.com")
        done = subprocess.run(
            ["git", "-C", str(self.tree), *names, *words],
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
        )
        return done.stdout.strip()

    def commit(self, message: str = "Sell more") -> str:
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def push(self, *refs: str) -> list[Delivery]:
        """All deliveries so far."""
        project = self.gitlab.projects["acme/shop"]
        address = self.gitlab.clone_url(project).replace("://", f"://mia:{self.token}@")
        self.git("push", "-q", address, *refs)
        return self.gitlab.delivered()

    @property
    def hook(self) -> dict[str, object]:
        return self.gitlab.projects["acme/shop"].hooks[0]


def ground_of(house: House, folder: Path, gitlab: FakeGitLab, url: str, signing: str) -> Ground:
    gitlab.project("acme/shop")
    shop = house.ports.settings.services["shop"].repository
    own = replace(shop, url=f"{gitlab.url}/acme/shop.git", token=Secret(gitlab.token()))
    GitLabHook(own, f"{url}/hooks/gitlab").connect(SECRET, signing)
    tree = folder / "tree"
    subprocess.run(["git", "init", "-q", "-b", "main", str(tree)], check=True)
    return Ground(gitlab, house, tree, gitlab.token("write_repository"))


@pytest.fixture(params=["signed", "token"])
def ground(request: pytest.FixtureRequest, house: House, tmp_path: Path) -> Iterator[Ground]:
    signing = SIGNING if request.param == "signed" else ""
    settings = house.ports.settings
    shop = settings.services["shop"]
    shop = replace(shop, repository=replace(shop.repository, signing=Secret(signing)))
    ports = replace(house.ports, settings=replace(settings, services=settings.services | {"shop": shop}))
    server = make_server("127.0.0.1", 0, create_app(ports), threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    with fake_gitlab(tmp_path / "gitlab", 19 if signing else 18) as gitlab:
        yield ground_of(house, tmp_path, gitlab, f"http://127.0.0.1:{server.server_port}", signing)
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_push_is_a_run_of_its_commit(ground: Ground):
    commit = ground.commit()

    (sent,) = ground.push("main")

    (run,) = ground.house.store.runs.runs()
    assert (sent.status, run.commit, run.ref) == (202, commit, "main")
    assert ("webhook-signature" in sent.headers) == (ground.gitlab.version >= 19)


def test_an_annotated_tag_is_a_run_of_the_commit_that_it_points_at(ground: Ground):
    commit = ground.commit()
    ground.git("tag", "-a", "-m", "one", "v1")

    ground.push("v1")

    (run,) = ground.house.store.runs.runs()
    assert (run.kind, run.ref, run.commit) == ("tag", "v1", commit)


def test_a_branch_that_is_deleted_is_answered_and_not_built(ground: Ground):
    ground.commit()
    ground.push("main:wip")

    sent = ground.push(":wip")[-1]

    assert (sent.status, "ignored" in sent.answer) == (200, True)
    assert ground.house.store.runs.runs() == []


def test_a_push_of_four_branches_fires_nothing(ground: Ground):
    ground.commit()

    assert ground.push("main", "main:a", "main:b", "main:c") == []


def test_a_forged_push_is_refused_and_the_fourth_turns_the_webhook_off(ground: Ground):
    ground.hook["signing_token" if ground.gitlab.version >= 19 else "token"] = SIGNING.replace("a", "b")

    for number in range(5):
        ground.commit(str(number))
        sent = ground.push("main")

    assert [delivery.status for delivery in sent] == [401] * 4
    assert alert_status(ground.hook) == "temporarily_disabled"
    assert ground.house.store.runs.runs() == []


def test_a_push_with_a_token_that_may_only_read_the_api_is_refused(ground: Ground):
    ground.commit()
    ground.token = ground.gitlab.token("read_api")

    with pytest.raises(subprocess.CalledProcessError):
        ground.push("main")
