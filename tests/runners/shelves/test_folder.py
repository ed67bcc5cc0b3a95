"""Our own folder: trees, clones and logs are told with size and age; what goes is gone, a clone only when it is free."""

import fcntl
import io
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.errors import Rejected
from pipeline.retention.thing import Kind, Thing, Verdict
from runners.artifact_store import FileArtifacts
from runners.shelves.folder import FolderShelf

OLD = 1_600_000_000.0


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in ("git/trees/run-4/src", "git/mirrors/aaa.git", "git/mirrors/bbb.git", "logs/0000/4"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "git/trees/run-4/src/app.py").write_bytes(b"x" * 5000)
    (tmp_path / "logs/0000/4/0001-build.log").write_text("said")
    (tmp_path / "git/mirrors/aaa.lock").touch()
    (tmp_path / "git/mirrors/bbb.lock").touch()
    for name in ("git/mirrors/bbb.lock", "logs/0000/4/0001-build.log", "logs/0000/4"):
        os.utime(tmp_path / name, (OLD, OLD))
    return tmp_path


def things(data: Path) -> dict[str, Thing]:
    return {Path(t.name).name: t for t in FolderShelf(str(data), ["aaa.git"]).things()}


def test_everything_is_told_with_its_run_size_and_age(data: Path) -> None:
    found = things(data)

    assert set(found) == {"run-4", "aaa.git", "bbb.git", "4"}
    assert (found["run-4"].kind, found["run-4"].run) == (Kind.TREE, 4)
    assert (found["run-4"].size or 0) >= 5000
    assert (found["aaa.git"].used, found["bbb.git"].used) == (True, False)
    assert found["bbb.git"].at == found["4"].at == datetime.fromtimestamp(OLD, UTC)


def test_a_log_is_as_old_as_its_youngest_file(data: Path) -> None:
    (data / "logs/0000/4/0002-test.log").write_text("later")

    assert things(data)["4"].at != datetime.fromtimestamp(OLD, UTC)


def test_artifacts_are_told_by_their_run(data: Path) -> None:
    FileArtifacts(str(data / "artifacts")).keep(5, "a.txt", 1, io.BytesIO(b"x"))

    (found,) = (thing for thing in things(data).values() if thing.kind is Kind.ARTIFACT)

    assert found.run == 5


def test_what_goes_is_gone_and_going_twice_is_fine(data: Path) -> None:
    shelf = FolderShelf(str(data), [])
    found = shelf.things()

    for thing in [*found, *found]:
        shelf.remove(Verdict(thing, True, ""))

    assert shelf.things() == []
    assert (data / "git/mirrors/aaa.lock").exists()


def test_a_clone_that_somebody_uses_is_left(data: Path) -> None:
    shelf, clone = FolderShelf(str(data), []), things(data)["bbb.git"]
    handle = os.open(data / "git/mirrors/bbb.lock", os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(Rejected, match=r"bbb\.git is being fetched or read by a run; left"):
            shelf.remove(Verdict(clone, True, ""))
    finally:
        os.close(handle)

    assert Path(clone.name).exists()


def test_nothing_there_is_nothing_to_do(tmp_path: Path) -> None:
    assert FolderShelf(str(tmp_path / "none"), []).things() == []
