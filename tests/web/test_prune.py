"""`POST /api/v1/prune`: for administrators; a dry run tells and changes nothing."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from pipeline.errors import Unreachable
from pipeline.retention.thing import Kind, Thing
from pipeline.web.app import create_app
from runners.stand_ins.shelf import MemoryShelf
from runners.stand_ins.time import InlineHands
from tests.web.conftest import House

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def shelf() -> MemoryShelf:
    old = Thing(Kind.LOG, "data folder", "logs/0000/1", "of run 1", 300, LONG_AGO, run=1)
    return MemoryShelf([old, replace(old, name="logs/0000/2", label="of run 2", at=datetime.now(UTC))])


@pytest.fixture
def client(house: House, shelf: MemoryShelf) -> FlaskClient:
    away = MemoryShelf(failing={"things": Unreachable("Host web-2: no answer.")})
    return create_app(replace(house.ports, hands=InlineHands(), shelves=(shelf, away))).test_client()


def test_a_dry_run_tells_and_the_real_one_removes_the_same(
    client: FlaskClient, house: House, shelf: MemoryShelf
) -> None:
    admin = house.token("admin")

    told = client.post("/api/v1/prune", headers=admin, json={"dry_run": True}).json
    assert shelf.removed == []
    done = client.post("/api/v1/prune", headers=admin, json={"dry_run": False}).json

    assert told
    assert done
    assert shelf.removed == ["logs/0000/1"]
    assert [(t["name"], t["goes"], t["removed"]) for t in told["things"]] == [
        ("of run 1", True, False),
        ("of run 2", False, False),
    ]
    assert [(t["goes"], t["removed"]) for t in done["things"]] == [(True, True), (False, False)]
    assert (told["frees"], done["frees"], done["removed"]) == (300, 300, 1)
    assert told["troubles"] == done["troubles"] == ["Host web-2: no answer."]


def test_it_is_written_down_who_pruned(client: FlaskClient, house: House) -> None:
    client.post("/api/v1/prune", headers=house.token("admin", name="root"), json={"dry_run": True})

    (entry,) = house.ports.audit.entries()
    assert (entry["actor"], entry["action"], entry["target"]) == ("root", "prune", "everything")


@pytest.mark.parametrize(("role", "scopes"), [("deployer", ()), ("admin", ("shop",))])
def test_only_an_administrator_of_everything_may(
    client: FlaskClient, house: House, role: str, scopes: tuple[str, ...]
) -> None:
    assert client.post("/api/v1/prune", headers=house.token(role, *scopes)).status_code == 403


def test_nothing_is_removed_by_a_call_that_does_not_say_so(
    client: FlaskClient, house: House, shelf: MemoryShelf
) -> None:
    assert client.post("/api/v1/prune", headers=house.token("admin")).status_code == 400
    assert shelf.removed == []
