"""The contract of port `Artifacts`, over files and over a database that machines share."""

import io
from collections.abc import Iterator

import pytest

from pipeline.building import Artifact
from pipeline.errors import NotFound
from runners.artifact_store import ArtifactKeeper, FileArtifacts
from runners.shared_artifacts import SharedArtifacts
from runners.store import Store, open_store
from tests.contracts.conftest import POSTGRES, _fresh

MOST = 1 << 20


@pytest.fixture
def shared_artifacts(books: Store, tmp_path) -> SharedArtifacts:
    return SharedArtifacts(books.run_files, FileArtifacts(str(tmp_path / "files"), MOST), MOST)


@pytest.fixture(params=["files", "sqlite", POSTGRES])
def artifacts(request, tmp_path) -> Iterator[ArtifactKeeper]:
    if request.param == "files":
        yield FileArtifacts(str(tmp_path), MOST)
        return
    store = open_store(_fresh(request, tmp_path), str(tmp_path / "keys"))
    yield SharedArtifacts(store.run_files, FileArtifacts(str(tmp_path / "files"), MOST), MOST)
    store.close()


def content(artifacts: ArtifactKeeper, path: str) -> bytes:
    return b"".join(artifacts.content(7, path))


def test_a_run_without_files_has_none(artifacts: ArtifactKeeper):
    assert list(artifacts.listed(7)) == []


def test_a_file_comes_back_as_it_was(artifacts: ArtifactKeeper):
    data = bytes(range(256)) * 3000

    assert artifacts.keep(7, "b/report.bin", len(data), io.BytesIO(data))
    assert artifacts.keep_bytes(7, "a.txt", b"")

    assert list(artifacts.listed(7)) == [Artifact("a.txt", 0), Artifact("b/report.bin", len(data))]
    assert content(artifacts, "b/report.bin") == data
    assert content(artifacts, "a.txt") == b""


def test_one_that_comes_again_replaces_what_was(artifacts: ArtifactKeeper):
    artifacts.keep_bytes(7, "a.txt", b"old" * 1000)
    artifacts.keep_bytes(7, "a.txt", b"new")

    assert list(artifacts.listed(7)) == [Artifact("a.txt", 3)]
    assert content(artifacts, "a.txt") == b"new"


def test_more_than_a_run_may_keep_is_refused(artifacts: ArtifactKeeper):
    artifacts.keep_bytes(7, "a.txt", b"x" * (MOST - 10))

    assert not artifacts.keep_bytes(7, "b.txt", b"x" * 11)
    assert artifacts.keep_bytes(7, "b.txt", b"x" * 10)
    assert artifacts.keep_bytes(7, "a.txt", b"less")


def test_an_unknown_file_is_said_at_once(artifacts: ArtifactKeeper):
    artifacts.keep_bytes(7, "a.txt", b"x")

    for run, path in ((7, "b.txt"), (8, "a.txt")):
        with pytest.raises(NotFound, match=f"Run {run} has no artifact '{path}'"):
            artifacts.content(run, path)


def test_a_file_that_was_cut_on_its_way_is_not_listed(shared_artifacts: SharedArtifacts):
    class Cut(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("the machine is gone")

    with pytest.raises(OSError, match="gone"):
        shared_artifacts.keep(7, "a.txt", 3, Cut())

    assert list(shared_artifacts.listed(7)) == []
