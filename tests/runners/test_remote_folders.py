"""Logs and artifacts that moved to a bucket are read as if they were here."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import Unreachable
from runners.artifact_store import FileArtifacts
from runners.log_store import FileLogs
from runners.objects.oss import OssObjects
from runners.patience import Patience
from runners.remote_folders import LIST, RemoteFolders
from tests.parts.fake_buckets import Fake, buckets

LONG_AGO = 1_600_000_000.0
TEXT = "line\n" * 3000
BRIEF = Patience(deadline=0.3, first=0.001, longest=0.002)


@pytest.fixture
def fake() -> Iterator[Fake]:
    with buckets() as made:
        yield made


@pytest.fixture
def remote(fake: Fake, tmp_path: Path) -> RemoteFolders:
    return RemoteFolders(tmp_path, lambda: OssObjects(fake.place("oss"), BRIEF))


@pytest.fixture
def logs(tmp_path: Path, remote: RemoteFolders) -> FileLogs:
    made = FileLogs(f"{tmp_path}/logs", bring=remote.bring)
    made.append(7, "build", TEXT)
    made.close(7, "build")
    made.append(7, "test", "ok\n")
    made.close(7, "test")
    return made


def aged(folder: Path) -> Path:
    for path in folder.iterdir():
        os.utime(path, (LONG_AGO, LONG_AGO))
    return folder


def test_an_old_log_moves_and_is_read_as_before(
    logs: FileLogs, remote: RemoteFolders, fake: Fake, tmp_path: Path
):
    folder = aged(tmp_path / "logs/0000/7")
    before = logs.read(7), logs.size(7), logs.parts(7)

    assert remote.move_older(LONG_AGO + 1) == 1

    assert sorted(path.name for path in folder.iterdir()) == [".lock", LIST]
    assert len(fake.objects) == 3
    assert (logs.read(7), logs.size(7), logs.parts(7)) == before
    assert logs.read(7, 10, 5) == (TEXT[10:15].encode(), 15)


def test_what_was_read_goes_again_without_being_sent_twice(
    logs: FileLogs, remote: RemoteFolders, tmp_path: Path
):
    folder = aged(tmp_path / "logs/0000/7")
    remote.move_older(LONG_AGO + 1)
    logs.read(7)
    assert len(list(folder.iterdir())) == 4
    assert remote.move_older(LONG_AGO + 1) == 1
    assert len(list(folder.iterdir())) == 2
    assert logs.read(7)[0].startswith(b"line")


def test_a_young_log_and_one_that_is_written_stay(
    logs: FileLogs, remote: RemoteFolders, fake: Fake, tmp_path: Path
):
    logs.append(8, "build", "still at it")
    aged(tmp_path / "logs/0000/8")
    assert remote.move_older(LONG_AGO + 1) == 0
    assert fake.objects == {}


def test_what_the_bucket_spoils_stays_here(logs: FileLogs, remote: RemoteFolders, fake: Fake, tmp_path: Path):
    folder = aged(tmp_path / "logs/0000/7")
    before = sorted(path.name for path in folder.iterdir())
    fake.faults += ["spoil"]
    assert remote.move_older(LONG_AGO + 1) == 0
    assert sorted(path.name for path in folder.iterdir()) == before
    assert logs.read(7)[0].startswith(b"line")


def test_a_bucket_that_is_away_is_said_and_not_taken_for_an_empty_log(
    logs: FileLogs, remote: RemoteFolders, fake: Fake, tmp_path: Path
):
    aged(tmp_path / "logs/0000/7")
    remote.move_older(LONG_AGO + 1)
    fake.faults += ["500"] * 1000
    with pytest.raises(Unreachable, match="InternalError"):
        logs.read(7)


def test_a_machine_whose_disk_was_lost_finds_what_moved(
    logs: FileLogs, remote: RemoteFolders, tmp_path: Path
):
    folder = aged(tmp_path / "logs/0000/7")
    remote.move_older(LONG_AGO + 1)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert logs.read(7)[0].startswith(b"line")
    assert logs.read(9) == (b"", 0)


def test_what_is_let_go_here_goes_there_too(
    logs: FileLogs, remote: RemoteFolders, fake: Fake, tmp_path: Path
):
    folder = aged(tmp_path / "logs/0000/7")
    remote.move_older(LONG_AGO + 1)
    remote.let_go(folder)
    assert fake.objects == {}


def test_artifacts_move_too_and_their_list_stays(remote: RemoteFolders, fake: Fake, tmp_path: Path):
    artifacts = FileArtifacts(f"{tmp_path}/artifacts", bring=remote.bring)
    assert artifacts.keep(7, "reports/junit.xml", 4, io.BytesIO(b"<a/>"))
    folder = aged(tmp_path / "artifacts/0000/7")

    assert remote.move_older(LONG_AGO + 1) == 1

    assert sorted(path.name for path in folder.iterdir()) == [".lock", LIST, "index.json"]
    assert [one.path for one in artifacts.listed(7)] == ["reports/junit.xml"]
    assert b"".join(artifacts.content(7, "reports/junit.xml")) == b"<a/>"
