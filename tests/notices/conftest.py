"""A desk over real books in SQLite, a clock moved by hand (from the database's on), a messenger that keeps what it is given."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.delivery.run import Stage, StageName, StageStatus
from pipeline.fleet.host import Host
from pipeline.fleet.service import Environment, Repository, Service
from pipeline.notices.desk import NoticeDesk
from pipeline.notices.notice import Message, Rule, Target
from pipeline.notices.tell import tell
from pipeline.rollout.deployment import Happening, HostPhase, HostRecord, Status
from pipeline.secret import Secret
from pipeline.settings import Server, Settings
from runners.log_store import FileLogs
from runners.stand_ins.time import InlineHands, VirtualClock
from runners.store import Store
from tests.contracts.samples import AT, begun, created, handed_over, lease_deployment, release
from tests.parts.empty_store import empty_store

DOOR = "https://shipway.example.com"
CHAT = Target(Secret("dingtalk://0123456789abcdef"), "dingtalk:1")
MAIL = Target(Secret("mailto://a:b@c.test"), "mailto:2")
ALL = Rule("all", (CHAT,))


@dataclass
class Mouth:
    """`fault`: raised instead, `of` one target or all."""

    said: list[tuple[str, Message]] = field(default_factory=list)
    fault: Exception | None = None
    of: str = ""

    def send(self, target: Target, message: Message) -> None:
        if self.fault is not None and self.of in ("", target.label):
            raise self.fault
        self.said.append((target.label, message))

    @property
    def titles(self) -> list[str]:
        return [message.title for _, message in self.said]


@dataclass
class Watch:
    """What the next look finds."""

    found: list[tuple[str, str]] = field(default_factory=list)

    def turned_off(self) -> list[tuple[str, str]]:
        return self.found


@dataclass
class House:
    store: Store
    desk: NoticeDesk
    clock: VirtualClock
    mouth: Mouth
    logs: FileLogs
    watch: Watch

    def tell(self) -> float:
        return tell("teller", self.desk)

    def rules(self, *rules: Rule) -> None:
        self.desk = replace(self.desk, settings=replace(self.desk.settings, notices=rules))

    def failed_run(self, error: str = "exit code 1", log: str = "", **changes: object) -> int:
        run, lease = begun(self.store, **changes)
        self.logs.append(run, "build", log)
        self.store.runs.save_stage(run, Stage(StageName.BUILD, StageStatus.FAILED, error=error), lease)
        self.store.runs.finish(run, "failed", error, lease)
        return run

    def good_run(self, **changes: object) -> int:
        run, lease = begun(self.store, **changes)
        self.store.runs.finish(run, "succeeded", "", lease)
        return run

    def deployed(
        self, status: Status, why: str = "", host: str = "web-2", log: str = "", **changes: object
    ) -> int:
        """Of a run; one that ends otherwise than well fails on `host`."""
        _, number = handed_over(self.store)
        lease = lease_deployment(self.store, number)
        records = (HostRecord(host, HostPhase.FAILED, error=why),) if why else ()
        moved = replace(
            self.store.deployments.deployment(number), status=status, error=f"{host}: {why}", records=records
        )
        lines = [Happening(AT, "log", log, host)] if log else []
        self.store.deployments.save(replace(moved, **changes), lines, lease)  # type: ignore[arg-type]
        self.store.leases.give_back(lease)
        return number

    def manual(self, status: Status) -> int:
        number = created(self.store, previous=release(number=7)).id
        lease = lease_deployment(self.store, number)
        self.store.deployments.save(
            replace(self.store.deployments.deployment(number), status=status), [], lease
        )
        return number


def settings_of(*rules: Rule) -> Settings:
    hosts = tuple(Host(f"web-{n}", f"tcp://10.0.0.{n}:2375", f"10.0.0.{n}") for n in (1, 2))
    services = {
        name: Service(
            name,
            Repository(f"https://git.example.com/acme/{name}.git", "git", f"acme/{name}"),
            environments={
                "production": Environment(name, "production", hosts if name == "shop" else hosts[:1])
            },
        )
        for name in ("shop", "blog")
    }
    return Settings(
        server=Server(url=f"{DOOR}/"), hosts={h.name: h for h in hosts}, services=services, notices=rules
    )


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    store = empty_store(tmp_path)
    clock, mouth, logs = VirtualClock(datetime.now(UTC)), Mouth(), FileLogs(str(tmp_path / "logs"))
    watch = Watch()
    desk = NoticeDesk(
        settings=settings_of(ALL),
        book=store.notices,
        runs=store.runs,
        deployments=store.deployments,
        inbox=store.inbox,
        leases=store.leases,
        logs=logs,
        messenger=mouth,
        hooks=watch,
        hands=InlineHands(),
        clock=clock,
    )
    yield House(store, desk, clock, mouth, logs, watch)
    store.close()
