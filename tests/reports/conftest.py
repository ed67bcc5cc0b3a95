"""A desk over real books in SQLite, a clock that is moved by hand, and a fake GitLab with one project."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.delivery.run import Stage, StageName, StageStatus
from pipeline.fleet.service import Environment, Repository, Service
from pipeline.lease import Lease
from pipeline.reports.desk import Desk
from pipeline.reports.tell import tell
from pipeline.secret import Secret
from pipeline.settings import Server, Settings
from pipeline.settings_file import all_secrets
from runners.reporters import Reporters
from runners.stand_ins.time import InlineHands, VirtualClock
from runners.store import Store
from tests.contracts.samples import deployment, lease_run, new_run, release, settle
from tests.forge.gitlab import FakeGitLab, fake_gitlab
from tests.forge.gitlab_project import Project
from tests.parts.empty_store import empty_store

DOOR = "https://shipway.example.com"
STAGES = ("checkout", "build", "test", "publish", "deploy")


@dataclass
class House:
    """One service `shop` of the project acme/shop."""

    gitlab: FakeGitLab
    project: Project
    store: Store
    desk: Desk
    clock: VirtualClock
    commit: str

    def tell(self) -> float:
        return tell("teller", self.desk)

    def run(self, **changes: object) -> tuple[int, Lease]:
        """Begun, under a lease."""
        run = self.store.runs.add(new_run(**{"commit": self.commit, **changes}))
        lease = lease_run(self.store, run.id)
        assert self.store.runs.begin(run.id, lease)
        return run.id, lease

    def stage(self, run: int, lease: Lease, name: StageName, status: StageStatus, **more: object) -> None:
        self.store.runs.save_stage(run, Stage(name, status, **more), lease)  # type: ignore[arg-type]

    def deployed(self, run: int, lease: Lease, **changes: object) -> int:
        """Every stage is done; its deployment waits."""
        for name in list(StageName)[:-1]:
            self.stage(run, lease, name, StageStatus.SUCCEEDED)
        made = release(commit=self.commit)
        number = self.store.runs.hand_over(run, made, deployment(made, **changes), lease)
        self.store.leases.give_back(lease)
        return number

    def shown(self) -> dict[str, str]:
        return self.project.shown(self.commit)


def settings_of(gitlab: FakeGitLab, token: str, **changes: object) -> Settings:
    environment = Environment("shop", "production", (), branches=("main",), domain="shop.example.com")
    repository = Repository(
        f"{gitlab.url}/acme/shop.git",
        "gitlab",
        "acme/shop",
        token=Secret(token),
        **changes,  # type: ignore[arg-type]
    )
    shop = Service("shop", repository, environments={"production": environment})
    return Settings(server=Server(url=f"{DOOR}/"), services={"shop": shop})


def desk_of(store: Store, settings: Settings, clock: VirtualClock) -> Desk:
    reporters = Reporters(all_secrets(settings))
    return Desk(
        settings, store.outbox, store.runs, store.deployments, store.leases, reporters, InlineHands(), clock
    )


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[FakeGitLab]:
    with fake_gitlab(tmp_path / "repositories") as server:
        yield server


@pytest.fixture
def house(gitlab: FakeGitLab, tmp_path: Path) -> Iterator[House]:
    project = gitlab.project("acme/shop")
    commit = project.commit("Sell more")
    store = empty_store(tmp_path)
    clock = VirtualClock()
    desk = desk_of(store, settings_of(gitlab, gitlab.token("api", 30)), clock)
    yield House(gitlab, project, store, desk, clock, commit)
    store.close()


def states(**changes: str) -> dict[str, str]:
    return {f"shipway/{name}": changes.get(name, "pending") for name in STAGES}


def good(house: House) -> tuple[int, int]:
    run, lease = house.run()
    number = house.deployed(run, lease)
    settle(house.store, number)
    return run, number
