"""`shipway gitlab runners`: what people see. What it does is told in tests/gitlab_runner."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.commands.asked import Asked
from pipeline.commands.gitlab import gitlab as command
from pipeline.errors import NotFound
from pipeline.gitlab_runner.runner import Record
from runners.stand_ins.runner_hosts import MemoryRunnerHosts
from tests.forge.gitlab import FakeGitLab, fake_gitlab


class Place:
    """An operator's machine with one host in memory."""

    def __init__(self, folder: Path, gitlab: FakeGitLab) -> None:
        self.folder, self.gitlab = folder, gitlab
        self.hosts = MemoryRunnerHosts(calls=self.call)
        self.fleet = {
            "url": gitlab.url, "token": gitlab.token("create_runner manage_runner read_api"), "scope": "project",
            "id": gitlab.project("acme/shop").id, "hosts": ["web-1"], "tags": ["docker"], "runner_image": "runner:v1",
        }  # fmt: skip

    def call(self, record: Record) -> None:
        self.gitlab.runners.rows[record.runner]["contacted_at"] = time.time()

    def run(self, *words: str, json_too: bool = False) -> Result:
        file = self.folder / "shipway.yml"
        config = {
            "server": {"data": "data"},
            "hosts": {"web-1": {"engine": "tcp://10.0.0.1:2375"}},
            "gitlab_runners": {"ci": self.fleet},
        }
        file.write_text(json.dumps(config))
        asked = Asked(config=str(file), json=json_too)
        return CliRunner(catch_exceptions=False).invoke(
            command, ["runners", *words], obj=asked, standalone_mode=False
        )


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with fake_gitlab(tmp_path / "gitlab") as gitlab:
        made = Place(tmp_path, gitlab)
        monkeypatch.setattr("pipeline.wiring.RunnerContainers", lambda *_: made.hosts)
        yield made


def test_the_plan_is_told_and_nothing_done(place: Place):
    said = place.run("plan").output

    assert said.splitlines()[1].split() == ["ci/web-1/1", "create", "it", "is", "not", "there", "yet"]
    assert place.gitlab.runners.rows == {}


def test_apply_prints_its_plan_first_and_then_what_was_done(place: Place):
    said = place.run("apply").output

    assert said.index("it is not there yet") < said.index("2 changes done.")
    assert len(place.gitlab.runners.rows) == 1
    assert "Nothing to do" in place.run("apply").output


def test_runners_made_side_by_side_are_all_told(place: Place):
    place.fleet["per_host"] = 3

    said = place.run("apply").output

    assert "6 changes done." in said
    assert all(f"ci/web-1/{n}: create, since it is not there yet" in said for n in (1, 2, 3))


def test_status_says_what_is_wrong(place: Place):
    place.run("apply")
    well = place.run("status").output
    place.gitlab.runners.rows[1]["paused"] = True

    said = place.run("status").output

    assert "ci/web-1/1: Runner 1 is paused at GitLab" in said
    assert "ci/web-1/1: " not in well


def test_json_is_for_programs(place: Place):
    place.run("apply")

    answer = json.loads(place.run("status", json_too=True).output)

    assert answer["runners"][0]["runner"] == "ci/web-1/1"
    assert answer["runners"][0]["status"] == "online"
    assert json.loads(place.run("plan", json_too=True).output) == {"changes": [], "unknown": []}


def test_remove_leaves_nothing_on_either_side(place: Place):
    place.run("apply")

    place.run("remove", "ci")

    assert (place.gitlab.runners.rows, place.hosts.containers) == ({}, {})
    with pytest.raises(NotFound, match=r"There are no runners 'cd'. Known: ci."):
        place.run("remove", "cd")


def test_what_was_not_done_is_told_and_ends_with_1(place: Place):
    place.hosts.silent.add("web-1")

    result = place.run("apply")

    assert "Host web-1 does not answer." in result.output


def test_no_token_is_ever_printed(place: Place):
    said = "".join(place.run(word).output for word in ("plan", "apply", "status"))

    assert place.fleet["token"] not in said
    assert not [row for row in place.gitlab.runners.rows.values() if row["token"] in said]
