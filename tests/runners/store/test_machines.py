"""Which machines are there, and what may not happen while they are."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text, update

from pipeline.commands.gathering import demand_alone, gather
from pipeline.errors import BadConfig, Conflict
from pipeline.settings import Server
from runners.machine import Presence, this_machine
from runners.store import Store
from runners.store.machines import Machine
from runners.store.revisions import stand
from tests.contracts.conftest import POSTGRES, books, books_url, postgres  # noqa: F401 fixtures

VERSIONS = Path(__file__).parents[3] / "runners" / "store" / "migrations" / "versions"
SHARED = pytest.mark.parametrize(
    "books_url", [POSTGRES], indirect=True
)  # elsewhere one machine is all there is
OTHER = Machine("b" * 16, "ship-2", "0.0.9")


def test_a_machine_that_was_seen_is_there_for_the_others(books: Store):  # noqa: F811
    books.machines.note(OTHER)
    books.machines.note(OTHER)

    assert [one.name for one in books.machines.others("a" * 16)] == ["ship-2"]
    assert books.machines.others(OTHER.id) == []


def test_a_machine_that_left_or_was_not_seen_for_a_minute_is_gone(books: Store):  # noqa: F811
    books.machines.note(OTHER)
    books.machines.note(Machine("c" * 16, "ship-3", "0.0.9"))
    books.machines.leave(OTHER.id)
    books._database.write(
        lambda tx: tx.execute(text("UPDATE machines SET seen_at = '2026-01-01 00:00:00+00:00'"))
    )

    assert books.machines.others("a" * 16) == []


def test_a_machine_keeps_its_id(tmp_path: Path):
    server = Server(data=str(tmp_path / "data"))

    assert this_machine(server) == this_machine(server)
    assert this_machine(server).own_redis


@SHARED
def test_presence_is_noted_while_it_lasts(books: Store, tmp_path: Path):  # noqa: F811
    server = Server(data=str(tmp_path / "data"))
    with Presence(books, server, every=0.05):
        for _ in range(200):
            if there := books.machines.others(""):
                break
            time.sleep(0.01)
        assert [one.id for one in there] == [this_machine(server).id]

    assert books.machines.others("") == []


def test_a_step_that_breaks_older_versions_waits_for_their_end(
    books: Store,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
):
    books._database.write(lambda tx: tx.execute(update(stand).values(version_num="0021")))
    breaking = SimpleNamespace(revision="0099", module=SimpleNamespace(stops_older=True))
    # a real step of that kind does not exist yet
    monkeypatch.setattr(ScriptDirectory, "walk_revisions", lambda *_, **__: iter([breaking]))
    books.machines.note(OTHER)

    with pytest.raises(
        Conflict, match=r"step 0099\), and ship-2 \(version 0.0.9\) still does. End Shipway there"
    ):
        books.migrate("a" * 16)


def test_steps_since_machines_share_a_database_only_add_or_say_that_they_break():
    """What an older version works with beside a newer one must stay as it is."""
    breaking = ("drop_", "alter_column", "rename_", "batch_alter_table", "DELETE FROM", "UPDATE ")
    for path in sorted(VERSIONS.glob("v*.py")):
        words = path.read_text()
        if path.name >= "v0016" and any(word in words for word in breaking):
            assert "stops_older = True" in words, path.name


@SHARED
def test_a_machine_with_a_redis_of_its_own_is_not_let_in(books: Store, tmp_path: Path):  # noqa: F811
    books.machines.note(OTHER)

    with pytest.raises(
        BadConfig, match=r"server\.redis is empty here, and ship-2 works on the same database"
    ):
        gather(Server(data=str(tmp_path / "data")), books)


@SHARED
def test_a_key_is_not_changed_under_another_machine(books: Store, tmp_path: Path):  # noqa: F811
    server = Server(data=str(tmp_path / "data"), redis="redis://r")
    gather(server, books)
    demand_alone(server, books)
    books.machines.note(OTHER)

    with pytest.raises(Conflict, match=r"ship-2 works with the same key\. End Shipway there"):
        demand_alone(server, books)
