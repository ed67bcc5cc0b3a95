"""What a page costs the server: 10 services in two environments each, 10,000 runs, 40 releases, a million lines of logs.
No lab: hosts are stand-ins that answer at once, the books are SQLite. The API's list of services is the baseline of
the ratios."""

import json
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from flask.testing import FlaskClient

from pipeline.delivery.run import NewRun
from pipeline.fleet.service import Service
from pipeline.rollout.deployment import Status
from pipeline.rollout.release import Release
from pipeline.secret import Secret
from pipeline.settings import Settings
from pipeline.web.app import create_app
from pipeline.web.pages.static import assets
from pipeline.web.warming import warm
from runners.store import Store
from tests.web.conftest import COMMIT, DIGEST, House, house_in, settings
from tests.web.deployed import bring

RUNS, ROUNDS, SERVICES = 10_000, 25, 10
LOGS, LINES = 10, 100_000  # runs with a log, and its lines
BASELINE = "/api/v1/services"
PAGES = (
    BASELINE,
    "/",
    "/services/shop",
    "/runs/1",
    "/runs/1?from=50000&stage=test",
    "/runs/1?q=needle",
    "/deployments/1",
    "/services/shop/releases",
    "/services/shop/releases/2",
    "/hosts",
    "/deliveries",
    "/audit",
)
PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Cost:
    path: str
    wall: float  # ms, median
    worst: float
    cpu: float  # ms
    size: int  # bytes of the page alone


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, _house(Path(folder)) as house:
        client = create_app(house.ports).test_client()
        warm(house.ports)  # as `shipway serve` does
        token = house.token("admin", name="bench")
        house.store.users.create("bench", "admin", (), Secret(PASSWORD))
        form = {"name": "bench", "password": PASSWORD}
        client.post("/sign-in", data=form, headers={"Origin": "http://localhost"})
        print(_told([_cost(client, path, token) for path in PAGES]))
    weight = sum(len(asset.content) for asset in assets().values())
    print(f"Styles, scripts and pictures of all pages together: {weight / 1000:.0f} kB, kept by the browser.")
    return 0


def _cost(client: FlaskClient, path: str, token: dict[str, str]) -> Cost:
    headers = token if path == BASELINE else {"Accept": "text/html"}
    walls, cpu, size = [], time.process_time(), 0
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        answer = client.get(path, headers=headers)
        walls.append((time.perf_counter() - begin) * 1000)
        assert answer.status_code == 200, answer.text
        size = len(answer.data)
    return Cost(path, median(walls), max(walls), (time.process_time() - cpu) * 1000 / ROUNDS, size)


def _told(costs: list[Cost]) -> str:
    lines = ["| page | ms, median | worst | CPU ms | of the API's list | kB |", "|---|---|---|---|---|---|"]
    for cost in costs:
        lines.append(
            f"| {cost.path} | {cost.wall:.0f} | {cost.worst:.0f} | {cost.cpu:.0f} "
            f"| {cost.wall / costs[0].wall:.1f} × | {cost.size / 1000:.0f} |"
        )
    return "\n".join(lines)


@contextmanager
def _house(folder: Path) -> Iterator[House]:
    with house_in(folder, _settings()) as house:
        _fill(house, house.store)
        yield house


def _log(house: House, number: int) -> None:
    for stage, lines in (("build", LINES // 4), ("test", LINES - LINES // 4)):
        said = (f"{n} {'needle' if n % 1000 == 0 else 'hay'} {'.' * (n % 120)}\n" for n in range(lines))
        house.logs.append(number, stage, "".join(said))
        house.logs.close(number, stage)


def _settings() -> Settings:
    plain = settings()
    shop = plain.services["shop"]
    names = ["shop", *(f"service-{n}" for n in range(1, SERVICES))]
    return replace(plain, services={name: _named(shop, name) for name in names})


def _named(service: Service, name: str) -> Service:
    environments = {key: replace(place, service=name) for key, place in service.environments.items()}
    return replace(service, name=name, environments=environments)


def _fill(house: House, store: Store) -> None:
    for _ in range(10):
        bring(house, house.release().number, Status.SUCCEEDED)
    run = store.runs.add(NewRun("shop", "production", "branch", "main", COMMIT, "push:mia", "Sell more"))
    for name in house.ports.settings.services:
        for _ in range(3):
            store.releases.add(
                Release(
                    name, 0, f"10.0.0.1:5000/{name}@{DIGEST}", COMMIT, "main", environment="test", run=run.id
                )
            )
    for number in range(1, LOGS + 1):
        _log(house, number)
    with sqlite3.connect(house.database) as database:
        names = json.dumps(list(house.ports.settings.services))
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            "INSERT INTO runs (service, environment, kind, ref, commit_sha, status, created_at, requested_by, "
            "message, stages, attempt) "
            "SELECT json_extract(?, '$[' || (i % ?) || ']'), CASE i % 3 WHEN 0 THEN 'test' ELSE 'production' END, kind, ref, "
            "commit_sha, 'succeeded', created_at, requested_by, message, stages, 1 FROM runs, n WHERE id = ?",
            (RUNS, names, SERVICES, run.id),
        )
        database.execute(
            "INSERT OR REPLACE INTO environments (service, environment, live, last_good, placed, moved) "
            "SELECT DISTINCT service, 'test', 1, 1, '', '' FROM releases WHERE service <> 'shop'"
        )
