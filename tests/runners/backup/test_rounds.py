"""Rounds: a backup is carried to its place, kept or thrown away, and written down."""

from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.errors import BadConfig, Rejected
from pipeline.recovery.backup import BackupPolicy
from pipeline.recovery.place import Kind, Place
from pipeline.secret import Secret
from runners.backup.making import Ground
from runners.backup.rounds import Rounds
from runners.store import Store
from tests.parts.fake_buckets import buckets
from tests.runners.backup.conftest import NOON


def test_rounds_carry_it_there_keep_the_newest_and_write_it_down(
    store: Store, ground: Ground, tmp_path: Path
):
    place = Place(Kind.FOLDER, str(tmp_path / "kept"))
    policy = BackupPolicy(place, 3600, 2, passphrase=Secret("correct horse battery"))
    for hour in range(3):
        Rounds(store, ground, lambda hour=hour: NOON + timedelta(hours=hour)).run(policy, place, 2)

    names = [path.name for path in sorted((tmp_path / "kept").iterdir())]
    assert names == ["shipway-20260301T130000Z.backup", "shipway-20260301T140000Z.backup"]
    good = store.backups.last_good()
    assert good is not None
    assert (good.name, good.place) == (names[-1], str(place))
    assert not Rounds(store, ground, lambda: NOON + timedelta(hours=2.5)).due(policy)
    assert Rounds(store, ground, lambda: NOON + timedelta(hours=3)).due(policy)


def test_what_the_place_spoils_is_noticed_written_down_and_told(store: Store, ground: Ground, tmp_path: Path):
    with buckets() as fake:
        policy = BackupPolicy(fake.place("oss"), passphrase=Secret("correct horse battery"))
        fake.faults += ["spoil"]
        with pytest.raises(Rejected, match="reads otherwise"):
            Rounds(store, ground, lambda: NOON).run(policy, fake.place("oss"), 2)

    assert store.backups.last_good() is None
    assert "reads otherwise" in store.backups.newest()[0].error
    assert [moment.kind for moment in store.notices.moments()] == ["backup.failed"]


def test_without_any_key_it_says_how_to_make_one(store: Store, ground: Ground, tmp_path: Path):
    place = Place(Kind.FOLDER, str(tmp_path / "kept"))
    with pytest.raises(BadConfig, match="shipway backup key"):
        Rounds(store, ground, lambda: NOON).run(BackupPolicy(place), place, 2)
    assert not (tmp_path / "kept").exists()
