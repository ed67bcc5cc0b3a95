"""Looks at real repositories, over a path and over HTTP, with real books: what no webhook told is started, once."""

import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.errors import Rejected, RunnerError, Unreachable
from pipeline.fleet.service import Environment, FirstSight, Repository, Service
from pipeline.intake.inbox import SWEEP
from pipeline.intake.sweep import look
from pipeline.secret import Secret
from runners.source import GitSource
from runners.stand_ins.delivery import MemorySource
from runners.store import Store
from tests.parts.empty_store import empty_store
from tests.parts.git_server import git_server
from tests.parts.origin import Origin

NOTHING: frozenset[Any] = frozenset()


@dataclass
class Ground:
    """Two services of one bare repository, and the books."""

    folder: Path
    origin: Origin
    store: Store
    source: Any
    repository: Repository
    woken: list[int] = field(default_factory=list)

    @property
    def services(self) -> list[Service]:
        shop = {
            "test": Environment("shop", "test", (), branches=("main", "release/*")),
            "production": Environment("shop", "production", (), tags=("v*",)),
        }
        blog = {"production": Environment("blog", "production", (), branches=("main",))}
        return [
            Service(name, self.repository, environments=places)
            for name, places in {"shop": shop, "blog": blog}.items()
        ]

    @property
    def ports(self) -> Any:
        queue = SimpleNamespace(wake_run=lambda run, new: self.woken.append(run))
        return SimpleNamespace(
            inbox=self.store.inbox, source=self.source, queue=queue, audit=self.store.audit
        )

    def look(self, suspects: frozenset[Any] = NOTHING) -> frozenset[Any]:
        return look(self.services, suspects, self.ports)

    def push(self, ref: str = "main", text: str = "") -> str:
        commit = self.origin.commit({"Dockerfile": f"FROM {text or ref}\n"})
        self.origin.branch(ref, commit)
        return commit

    @property
    def runs(self) -> list[tuple[str, str, str, str]]:
        rows = reversed(self.store.runs.runs(limit=500))
        return [(run.service, run.environment, run.ref, run.commit) for run in rows]


@pytest.fixture
def ground(tmp_path: Path):
    store = empty_store(tmp_path)
    origin = Origin(tmp_path / "acme" / "shop.git")
    source = GitSource(str(tmp_path / "data"), os.environ)
    found = Ground(tmp_path, origin, store, source, Repository(origin.url, project="acme/shop"))
    found.push(text="first")
    yield found
    store.close()


def test_a_first_look_starts_nothing(ground: Ground):
    ground.look()
    ground.look()

    assert ground.runs == []


def test_a_first_look_starts_the_branches_when_asked_to(ground: Ground):
    ground.repository = replace(ground.repository, first_sight=FirstSight.START)
    head = ground.push("main", "again")

    ground.look()

    assert ground.runs == [("shop", "test", "main", head), ("blog", "production", "main", head)]


def test_a_push_without_a_webhook_is_started_for_each_service_once(ground: Ground):
    ground.look()
    head = ground.push()

    ground.look()
    ground.look()

    assert ground.runs == [("shop", "test", "main", head), ("blog", "production", "main", head)]
    assert ground.woken == [1, 2]
    assert [one.forge for one in ground.store.inbox.deliveries()] == [SWEEP, SWEEP]
    assert [entry["action"] for entry in ground.store.audit.entries()] == ["push without a webhook"] * 2


def test_new_branches_and_forced_pushes_are_pushes_and_deleted_ones_are_none(ground: Ground):
    ground.look()
    first = ground.push("release/1", "one")
    ground.look()
    ground.origin.forget("release/1")
    ground.look()
    old = ground.origin.git("rev-parse", "main")
    ground.push("main", "forward")
    ground.look()
    ground.origin.branch("main", old)

    ground.look()

    assert ground.runs[0][2:] == ("release/1", first)
    assert ground.runs[-1] == ("blog", "production", "main", old)
    assert len(ground.runs) == 5


def test_of_an_annotated_tag_its_commit_is_started(ground: Ground):
    ground.look()
    commit = ground.origin.commit({"Dockerfile": "FROM tagged\n"})
    ground.origin.tag("v1.10", commit)
    ground.origin.tag("v1.9", commit)

    ground.look()

    assert ground.runs == [("shop", "production", "v1.10", commit)]


def test_where_webhooks_come_a_push_must_be_missing_twice(ground: Ground):
    ground.repository = replace(ground.repository, secret=Secret("hush"))
    ground.look()
    head = ground.push()

    suspects = ground.look()
    assert ground.runs == []
    assert ground.look(suspects) == NOTHING

    assert [run[3] for run in ground.runs] == [head, head]


def test_looks_side_by_side_start_each_push_once(ground: Ground):
    """As two schedulers do when one was frozen and does not know yet that it leads no more."""
    ground.look()
    with ThreadPoolExecutor(4) as pool:
        for number in range(5):
            ground.push("main", f"push {number}")
            gate = threading.Barrier(4)

            def together(gate: threading.Barrier = gate) -> None:
                gate.wait(10)
                ground.look()

            for done in [pool.submit(together) for _ in range(4)]:
                done.result()

    assert len(ground.runs) == len(set(ground.runs)) == 10


def test_a_repository_that_is_not_there_is_told_until_it_is(ground: Ground):
    there = ground.repository
    ground.repository = replace(there, url=str(ground.folder / "nowhere.git"))

    with pytest.raises(RunnerError):
        ground.look()

    assert "no repository at" in ground.store.inbox.troubles()["shop"].reason
    ground.repository = there
    ground.look()
    assert ground.store.inbox.troubles() == {}


def test_an_empty_answer_is_a_trouble_and_no_end_of_all_branches(ground: Ground):
    ground.look()
    full, ground.source = ground.source, MemorySource()

    with pytest.raises(RunnerError, match="has no branch any more"):
        ground.look()

    ground.source = full
    ground.look()
    assert ground.runs == []


def test_a_trouble_that_stays_the_same_is_written_once(ground: Ground):
    ground.source = MemorySource(failing={"look": Unreachable("no answer")})
    written: list[str] = []
    trouble = ground.store.inbox.trouble
    ground.store.inbox.trouble = lambda name, why: written.append(name) or trouble(name, why)  # type: ignore[method-assign, func-returns-value]

    for _ in range(3):
        with pytest.raises(Unreachable):
            ground.look()

    assert written == ["shop", "blog"]


SPY = """#!/bin/sh
printf '%s\\n' "$*" >> {log}
exec {git} "$@"
"""


def test_a_look_over_http_gives_the_token_to_git_and_never_as_an_argument(ground: Ground):
    log, spy = ground.folder / "asked", ground.folder / "bin" / "git"
    spy.parent.mkdir()
    spy.write_text(SPY.format(log=log, git=shutil.which("git")))
    spy.chmod(0o755)
    environ = os.environ | {"PATH": f"{spy.parent}:{os.environ['PATH']}"}
    ground.source = GitSource(str(ground.folder / "spied"), environ)
    with git_server(ground.origin.path.parent, password="s3cr3t-t0ken") as server:
        url = f"http://{server.address}/shop.git"
        ground.repository = Repository(url, forge="gitlab", token=Secret("s3cr3t-t0ken"))
        ground.look()
        head = ground.push()
        ground.look()

    assert [run[3] for run in ground.runs] == [head, head]
    assert log.read_text().count("ls-remote") == 2
    assert "s3cr3t-t0ken" not in log.read_text()


def test_a_wrong_token_is_said_without_showing_it(ground: Ground):
    with git_server(ground.origin.path.parent, password="s3cr3t-t0ken") as server:
        url = f"http://{server.address}/shop.git"
        ground.repository = Repository(url, forge="gitlab", token=Secret("wr0ng-t0ken"))

        with pytest.raises(Rejected, match="refused our credentials"):
            ground.look()

    assert "wr0ng" not in ground.store.inbox.troubles()["shop"].reason
