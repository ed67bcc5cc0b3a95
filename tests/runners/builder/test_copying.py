"""Fetching files out of a container that packs what it likes."""

import io
import tarfile

import docker.errors
import pytest

from pipeline.errors import NotFound
from runners.artifact_store import FileArtifacts
from runners.builder.copying import Bounds, TooMuch, Unreadable, find_files
from runners.builder.keeping import Keeping

ROOMY = Bounds(1 << 20, 100, 1 << 20)


class Container:
    """`/app` is its working folder; `members` is what it packs, whatever was asked for."""

    def __init__(self, *members, garbage=b""):
        self.asked, self._garbage = [], garbage
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name, content, kind in members:
                info = tarfile.TarInfo(name)
                info.type = kind
                info.size = len(content) if kind == tarfile.REGTYPE else 0
                info.linkname = "/etc/passwd"
                archive.addfile(info, io.BytesIO(content))
        self._packed = packed.getvalue()

    def inspect_container(self, _):
        return {"Config": {"WorkingDir": "/app"}}

    def get_archive(self, _, path):
        self.asked.append(path)
        if "gone" in path:
            raise docker.errors.NotFound("no such file")
        return (piece for piece in [self._garbage or self._packed]), {}


def file(name, content=b"x", kind=tarfile.REGTYPE):
    return name, content, kind


def found(container, pattern, bounds=ROOMY):
    return [(file.name, file.opened.read()) for file in find_files(container, "c", pattern, bounds)]


@pytest.mark.parametrize(
    ("pattern", "asked"),
    [
        ("reports/*.xml", "/app/reports"),
        ("reports", "/app/reports"),
        ("a.xml", "/app/a.xml"),
        ("/srv/out/**/*.log", "/srv/out"),
        ("*.xml", "/app"),
        ("../../x/*", "/x"),
    ],
)
def test_folder_above_the_first_wildcard_is_asked_for(pattern, asked):
    container = Container()

    found(container, pattern)

    assert container.asked == [asked]


def test_folder_means_all_that_is_below_it():
    container = Container(file("reports/a.xml", b"1"), file("reports/b/c.txt", b"2"))

    assert found(container, "reports") == [("/app/reports/a.xml", b"1"), ("/app/reports/b/c.txt", b"2")]


def test_nothing_there_is_nothing():
    assert found(Container(), "gone/*.xml") == []


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
def test_only_regular_files_come(kind):
    assert found(Container(file("reports/a", b"", kind)), "reports") == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "reports/../../etc/passwd"])
def test_names_that_lead_elsewhere_match_nothing(name):
    assert found(Container(file(name)), "reports") == []


def test_what_is_too_large_is_passed_over():
    assert found(Container(file("reports/a", b"x" * 11)), "reports", Bounds(10, 9, 1 << 20)) == []


@pytest.mark.parametrize("bounds", [Bounds(100, 2, 1 << 20), Bounds(100, 9, 512)])
def test_too_much_is_an_end(bounds):
    with pytest.raises(TooMuch):
        found(Container(*(file(f"reports/{n}") for n in range(3))), "reports", bounds)


def test_archive_that_is_none_is_said():
    with pytest.raises(Unreadable):
        found(Container(garbage=b"x" * 2000), "reports")


def kept(tmp_path, *members, command="", patterns=("reports",), most=1 << 20):
    told, store = [], FileArtifacts(str(tmp_path), most)
    Keeping(Container(*members), store, 7, told.append).keep("c", command, patterns)
    return store, "".join(told)


def test_kept_files_are_named_as_the_container_has_them(tmp_path):
    store, log = kept(tmp_path, file("reports/a.xml", b"<a/>"))

    assert [(found.path, found.size) for found in store.listed(7)] == [("reports/a.xml", 4)]
    assert b"".join(store.content(7, "reports/a.xml")) == b"<a/>"
    assert "1 files of reports are kept" in log


def test_each_of_several_commands_has_a_folder(tmp_path):
    store, _ = kept(tmp_path, file("reports/a.xml"), command="unit")

    assert [found.path for found in store.listed(7)] == ["unit/reports/a.xml"]


def test_run_has_only_so_much_room(tmp_path):
    store, log = kept(tmp_path, file("reports/a", b"x" * 6), file("reports/b", b"x" * 6), most=10)

    assert [found.path for found in store.listed(7)] == ["reports/a"]
    assert "no room left" in log


def test_no_name_of_a_container_becomes_a_path_of_ours(tmp_path):
    store = FileArtifacts(str(tmp_path / "data"))
    for name in ("../../../evil", "/etc/evil", "index.json", "a\0b"):
        assert store.keep(7, name, 1, io.BytesIO(b"x"))

    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        *(f"{n:06d}" for n in range(1, 5)),
        "index.json",
    ]
    assert b"".join(store.content(7, "../../../evil")) == b"x"


def test_file_that_comes_again_replaces_the_first(tmp_path):
    store = FileArtifacts(str(tmp_path), most=10)
    for content in (b"x" * 6, b"y" * 7):
        assert store.keep(7, "a", len(content), io.BytesIO(content))

    assert b"".join(store.content(7, "a")) == b"y" * 7
    assert [path.name for path in tmp_path.rglob("00000?")] == ["000002"]


def test_what_is_not_kept_is_not_found(tmp_path):
    with pytest.raises(NotFound, match="no artifact 'b'"):
        FileArtifacts(str(tmp_path)).content(7, "b")
