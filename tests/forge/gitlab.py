"""A fake GitLab on loopback: git with real pushes that fire real webhooks, and the REST API (v4) as far as Shipway speaks it.

with fake_gitlab(tmp_path) as gitlab:
    project = gitlab.project("acme/shop")          # an empty bare repository, cloned from gitlab.clone_url(project)
    token = gitlab.token("api", MAINTAINER)        # scope and role

Stricter than the real one: an unknown field is refused (400), which GitLab would just ignore.
"""

import base64
import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.forge import gitlab_hooks, gitlab_rest, gitlab_runner_protocol, gitlab_runners
from tests.forge.git_http import answer, ask, git, is_git, refs, repository_of
from tests.forge.gitlab_jobs import JobIssuer
from tests.forge.gitlab_project import Project, Refusal
from tests.parts.http_stand_in import served

REPORTER, DEVELOPER, MAINTAINER = 20, 30, 40
GIT_SCOPES = {"api", "write_repository", "read_repository"}


@dataclass(frozen=True)
class Token:
    user: str
    scopes: frozenset[str]
    level: int
    projects: frozenset[str]  # empty: all
    admin: bool = False


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    body: dict[str, Any]
    status: int


@dataclass
class Outage:
    """Answer this to every call of the API; `only` to those whose path has this text. `times`: so often, then it is over.
    `late`: what was asked is done all the same, as when only the answer is lost. `answers`: set once it says anything."""

    status: int = 0
    only: str = ""
    times: int | None = None
    late: bool = False
    answers: threading.Event | None = None

    def hits(self, path: str) -> bool:
        if not self.status or self.only not in path or self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class FakeGitLab(ThreadingHTTPServer):
    """`asked` is every call of the API with what it was answered, `deliveries` every webhook that was sent."""

    daemon_threads = True

    def __init__(self, root: Path, version: int = 19, address: str = "127.0.0.1") -> None:
        super().__init__((address, 0), Handler)
        self.root = root
        self.version = version
        self.local_network = True  # may webhooks go to private addresses
        self.outage = Outage()
        self.projects: dict[str, Project] = {}
        self.tokens: dict[str, Token] = {}
        self.asked: list[Asked] = []
        self.deliveries: list[gitlab_hooks.Delivery] = []
        self.jobs = JobIssuer()
        self.runners = gitlab_runners.Runners()
        self.lock = threading.RLock()
        self._sender = ThreadPoolExecutor(max_workers=1)
        self._sent: list[Future[None]] = []
        self._numbers = count(1)

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]}:{self.server_address[1]}"

    def clone_url(self, project: Project) -> str:
        return f"{self.url}/{project.path}.git"

    def project(self, path: str) -> Project:
        repository = self.root / f"{path}.git"
        repository.mkdir(parents=True)
        git(repository, "init", "-q", "--bare", "-b", "main")
        self.projects[path] = Project(next(self._numbers) + 40, path, repository)
        return self.projects[path]

    def token(
        self,
        scopes: str = "api",
        level: int = MAINTAINER,
        user: str = "",
        projects: str = "",
        admin: bool = False,
    ) -> str:
        """A new one; each of a project has a user of its own, the bot."""
        text = f"glpat-{next(self._numbers):04}-hush-hush-hush"
        user = user or f"project_bot_{text[6:10]}"
        self.tokens[text] = Token(user, frozenset(scopes.split()), level, frozenset(projects.split()), admin)
        return text

    def id_token(self, project: Project, audience: str, commit: str, **claims: Any) -> str:
        """As a job of main finds it in its environment; changed or more claims as wished."""
        return self.jobs.token(self.url, audience, project, commit, claims)

    def fire(self, project: Project, before: dict[str, str]) -> None:
        """Not waited for, as at GitLab: a push does not wait for its webhooks."""
        for event, payload in gitlab_hooks.fired(project, before):
            wanted = "tag_push_events" if event.startswith("Tag") else "push_events"
            for hook in project.hooks:
                if hook[wanted] and gitlab_hooks.is_on(hook):
                    self._sent.append(self._sender.submit(self.send, hook, event, payload))

    def send(self, hook: dict[str, Any], event: str, payload: dict[str, Any]) -> None:
        self.deliveries.append(gitlab_hooks.deliver(hook, event, payload, self.version))

    def delivered(self, seconds: float = 20) -> list[gitlab_hooks.Delivery]:
        """All there are, once every webhook under way was answered."""
        for sent in self._sent:
            sent.result(seconds)
        return self.deliveries

    def server_close(self) -> None:
        self._sender.shutdown()
        super().server_close()


class Handler(BaseHTTPRequestHandler):
    server: FakeGitLab
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if urlsplit(self.path).path == "/oauth/discovery/keys":
            self.server.jobs.fetched += 1
            self._answer(self.server.outage.status or 200, self.server.jobs.keys(), {})
            return
        if is_git(self.path):
            self._git(body)
            return
        outage = self.server.outage
        status, answer, headers = self._api(body)
        given = json.loads(body) if body.startswith(b"{") else {}
        self.server.asked.append(Asked(self.command, urlsplit(self.path).path, given, status))
        if outage.answers and status == outage.status:
            outage.answers.wait(60)
        self._answer(status, answer, headers)

    def _api(self, body: bytes) -> tuple[int, Any, dict[str, str]]:
        server = self.server
        broken = server.outage.hits(self.path)
        if broken and not server.outage.late:
            return server.outage.status, {"message": f"{server.outage.status} by the test"}, {}
        try:
            with server.lock:
                done = self._done(body)
        except Refusal as refusal:
            return refusal.status, refusal.body, {}
        return (server.outage.status, {"message": "the answer was lost by the test"}, {}) if broken else done

    def _done(self, body: bytes) -> tuple[int, Any, dict[str, str]]:
        """A runner proves itself by its own token, in the body; it has no other."""
        if gitlab_runner_protocol.is_protocol(self.command, self.path):
            return gitlab_runner_protocol.speak(self.server, self.command, self.path, self.headers, body)
        return gitlab_rest.answer(self.server, self._token(), self.command, self.path, body)

    def _token(self) -> Token:
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        given = self.headers.get("PRIVATE-TOKEN") or bearer
        if given not in self.server.tokens:
            raise Refusal(401, "401 Unauthorized")
        return self.server.tokens[given]

    def _answer(self, status: int, answer: Any, headers: dict[str, str]) -> None:
        content = json.dumps(answer).encode() if answer is not None else b""
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": len(content),
            **headers,
        }.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(content)

    # -------------------------------------------------------------------------------------------- git

    def _git(self, body: bytes) -> None:
        project = self.server.projects.get(repository_of(self.path))
        token = self.server.tokens.get(_password(self.headers.get("Authorization", "")))
        if project is None or token is None or not token.scopes & GIT_SCOPES:
            self._answer(401, {}, {"WWW-Authenticate": 'Basic realm="GitLab"'})
            return
        before = refs(project.repository)
        said = ask(self, self.server.root, token.user, body)
        if self.path.endswith("/git-receive-pack"):
            self.server.fire(
                project, before
            )  # before the answer, so that a test can wait for it after its push
        answer(self, said)


def _password(header: str) -> str:
    found = re.fullmatch(r"Basic ([A-Za-z0-9+/=]+)", header)
    return base64.b64decode(found[1]).decode().partition(":")[2] if found else ""


@contextmanager
def fake_gitlab(root: Path, version: int = 19, address: str = "127.0.0.1") -> Iterator[FakeGitLab]:
    with served(FakeGitLab(root, version, address)) as server:
        yield server
