"""One contract over every forge that is told something: statuses arrive, refusals and silence become our errors."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pipeline.errors import BadConfig, Rejected, Unreachable
from pipeline.fleet.service import Repository
from pipeline.reports.desk import Reporter
from pipeline.reports.report import Comment, CommitStatus, EnvironmentStatus, State
from pipeline.secret import Secret
from runners.forge_address import web_address
from runners.reporters import Reporters
from runners.reporters.github import GitHubReporter
from tests.forge.gitlab import Outage, fake_gitlab
from tests.forge.statuses import GITEA, GITHUB, TOKEN, status_server

CONTEXT = "shipway/build"
SECRET = "database-password"


@dataclass
class Ground:
    reporter: Reporter
    repository: Repository
    commit: str
    shown: Callable[[], dict[str, str]]
    outage: Callable[[int], None]
    words: dict[State, str]
    text: Callable[[], str]

    def say(self, state: State, text: str = "Under way", known: str = "", commit: str = "") -> str:
        status = CommitStatus(
            commit or self.commit, "main", CONTEXT, state, text, "https://shipway.example.com/runs/1"
        )
        return self.reporter.status(self.repository, status, known)


def _words(*words: str) -> dict[State, str]:
    return dict(zip(State, words, strict=True))


def _gitlab(folder: Path, stack: ExitStack) -> Ground:
    server = stack.enter_context(fake_gitlab(folder))
    project = server.project("acme/shop")
    commit = project.commit("first")

    def outage(status: int) -> None:
        server.outage = Outage(status)

    return Ground(
        Reporters([SECRET])["gitlab"],
        Repository(
            f"{server.url}/acme/shop.git", "gitlab", "acme/shop", token=Secret(server.token("api", 30))
        ),
        commit,
        lambda: project.shown(commit),
        outage,
        _words("pending", "running", "success", "failed", "canceled", "skipped"),
        lambda: str(project.statuses[-1]["description"]),
    )


def _statuses(name: str, stack: ExitStack) -> Ground:
    server = stack.enter_context(status_server(GITHUB if name == "github" else GITEA))

    def outage(status: int) -> None:
        server.status = status

    return Ground(
        Reporters([SECRET])[name],
        Repository(f"{server.url}/acme/shop.git", name, "acme/shop", token=Secret(TOKEN)),
        "c" * 40,
        lambda: server.shown,
        outage,
        _words("pending", "pending", "success", "failure", "error", "success"),
        lambda: server.text,
    )


@pytest.fixture(params=["gitlab", "github", "gitea", "forgejo"])
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    with ExitStack() as stack:
        yield _gitlab(tmp_path, stack) if request.param == "gitlab" else _statuses(request.param, stack)


@pytest.mark.parametrize("state", State)
def test_a_state_arrives_in_the_forges_own_word(ground: Ground, state: State):
    ground.say(state)

    assert ground.shown() == {CONTEXT: ground.words[state]}


@pytest.mark.parametrize("state", [State.PENDING, State.RUNNING, State.SUCCEEDED, State.FAILED])
def test_the_same_again_is_no_error(ground: Ground, state: State):
    known = ground.say(state)

    ground.say(state, known=known)

    assert ground.shown() == {CONTEXT: ground.words[state]}


def test_the_newest_state_counts(ground: Ground):
    known = ""
    for state in (State.PENDING, State.RUNNING, State.FAILED, State.PENDING, State.RUNNING, State.SUCCEEDED):
        known = ground.say(state, known=known)

    assert ground.shown() == {CONTEXT: ground.words[State.SUCCEEDED]}


def test_a_long_text_is_cut_by_characters(ground: Ground):
    ground.say(State.FAILED, "构建失败" * 200)

    assert ground.text().startswith("构建失败构建失败")


def test_secrets_do_not_leave(ground: Ground):
    ground.say(State.FAILED, f"cannot log in with {SECRET}")

    assert ground.text() == "cannot log in with ***"


@pytest.mark.parametrize("status", [500, 502, 503, 409, 429])
def test_what_may_come_right_is_unreachable(ground: Ground, status: int):
    ground.outage(status)

    with pytest.raises(Unreachable, match=str(status)):
        ground.say(State.RUNNING)


@pytest.mark.parametrize("status", [401, 403, 404, 422])
def test_what_will_not_is_rejected(ground: Ground, status: int):
    ground.outage(status)

    with pytest.raises(Rejected, match=str(status)):
        ground.say(State.RUNNING)


def test_a_wrong_token_is_rejected_and_never_shown(ground: Ground):
    wrong = Secret("glpat-wrong-wrong")
    ground.repository = replace(ground.repository, token=wrong)

    with pytest.raises(Rejected, match="token") as caught:
        ground.say(State.RUNNING)

    assert wrong.reveal() not in str(caught.value)


def test_a_forge_that_does_not_listen_is_unreachable(ground: Ground):
    ground.repository = replace(ground.repository, api="http://127.0.0.1:9")

    with pytest.raises(Unreachable, match="does not answer"):
        ground.say(State.RUNNING)


def test_environments_and_comments_are_taken_or_left_alone(ground: Ground):
    entry = EnvironmentStatus(ground.commit, "main", False, "production", State.RUNNING)

    known = ground.reporter.environment(ground.repository, entry, "")
    again = ground.reporter.environment(ground.repository, entry, known)
    ground.reporter.comment(ground.repository, Comment(ground.commit, "shipway:shop/production", "fine"))

    assert again == known


# ------------------------------------------------------------------------------------------------ of one forge


def test_an_old_gitlab_that_knows_no_skipped_is_told_success(tmp_path: Path):
    with ExitStack() as stack:
        server = stack.enter_context(fake_gitlab(tmp_path, version=16))
        project = server.project("acme/shop")
        repository = Repository(
            f"{server.url}/acme/shop.git", "gitlab", "acme/shop", token=Secret(server.token())
        )
        commit = project.commit("first")
        status = CommitStatus(
            commit, "main", CONTEXT, State.SKIPPED, "No tests", "https://shipway.example.com"
        )

        Reporters(())["gitlab"].status(repository, status, "")

        assert project.shown(commit) == {CONTEXT: "success"}


def test_a_pipeline_that_was_deleted_is_not_asked_for_again(tmp_path: Path):
    with ExitStack() as stack:
        ground = _gitlab(tmp_path, stack)

        known = ground.say(State.RUNNING, known="7")

        assert known != "7"
        assert ground.shown() == {CONTEXT: "running"}


def test_githubs_rate_limit_is_no_refusal():
    with status_server(GITHUB) as server:
        server.status, server.headers = 403, {"x-ratelimit-remaining": "0"}
        repository = Repository(f"{server.url}/acme/shop.git", "github", "acme/shop", token=Secret(TOKEN))
        status = CommitStatus("c" * 40, "main", CONTEXT, State.RUNNING, "", "https://shipway.example.com")

        with pytest.raises(Unreachable):
            Reporters(())["github"].status(repository, status, "")


@pytest.mark.parametrize(
    ("url", "api", "wanted"),
    [
        ("https://gitlab.example.com/acme/shop.git", "", "https://gitlab.example.com"),
        ("https://example.com:8443/gitlab/acme/shop.git", "", "https://example.com:8443/gitlab"),
        ("https://example.com/acme/shop", "", "https://example.com"),
        ("git@gitlab.example.com:acme/shop.git", "", "https://gitlab.example.com"),
        ("ssh://git@gitlab.example.com:2222/acme/shop.git", "", "https://gitlab.example.com"),
        ("/srv/git/shop.git", "https://gitlab.example.com/", "https://gitlab.example.com"),
    ],
)
def test_where_a_forge_is_follows_from_the_clone_address(url: str, api: str, wanted: str):
    assert web_address(Repository(url, "gitlab", "acme/shop", api=api)) == wanted


def test_a_clone_address_that_does_not_tell_says_what_to_write():
    with pytest.raises(BadConfig, match="`api`"):
        web_address(Repository("/srv/git/shop.git", "gitlab", "acme/shop"))


def test_github_com_has_a_host_for_its_api():
    assert (
        GitHubReporter().api(Repository("https://github.com/acme/shop.git", "github", "acme/shop"))
        == "https://api.github.com"
    )
    assert (
        GitHubReporter().api(Repository("https://git.acme.dev/acme/shop", "github", "acme/shop"))
        == "https://git.acme.dev/api/v3"
    )
