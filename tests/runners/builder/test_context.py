"""The tar that a build sees."""

import io
import os
import tarfile

import pytest

from runners.builder.context import OUTSIDE, context_tar


def packed(folder, dockerfile="Dockerfile", text="FROM x\n"):
    return b"".join(context_tar(str(folder), dockerfile, text))


def members(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {m.name: (m, archive.extractfile(m).read() if m.isfile() else b"") for m in archive}


@pytest.fixture
def folder(tmp_path):
    for name in ("Dockerfile", "app/main.py", "app/deep/er/x.txt", "secret.env", "run.sh"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "run.sh").chmod(0o755)
    return tmp_path


def test_same_tree_gives_the_same_bytes(folder):
    assert packed(folder) == packed(folder)


def test_everything_is_there_without_owners(folder):
    found = members(packed(folder))

    assert set(found) == {
        "Dockerfile",
        "app",
        "app/main.py",
        "app/deep",
        "app/deep/er",
        "app/deep/er/x.txt",
        "secret.env",
        "run.sh",
    }
    assert {(m.uid, m.gid, m.uname) for m, _ in found.values()} == {(0, 0, "")}
    assert (found["run.sh"][0].mode, found["secret.env"][0].mode) == (0o755, 0o644)
    assert found["app/main.py"][1] == b"app/main.py"


def test_dockerfile_is_the_text_that_was_given(folder):
    assert members(packed(folder))["Dockerfile"][1] == b"FROM x\n"


def test_dockerfile_outside_the_context_gets_a_name_of_its_own(folder):
    assert members(packed(folder / "app", "../Dockerfile"))[OUTSIDE][1] == b"FROM x\n"


@pytest.mark.parametrize(
    ("ignore", "gone"),
    [
        ("secret.env\n", {"secret.env"}),
        ("# comment\n\n*.env\n", {"secret.env"}),
        ("**/*.txt", {"app/deep/er/x.txt"}),
        ("app\n!app/main.py\n", {"app/deep", "app/deep/er", "app/deep/er/x.txt"}),
        ("*\n!run.sh", {"app", "app/main.py", "app/deep", "app/deep/er", "app/deep/er/x.txt", "secret.env"}),
    ],
)
def test_ignored_files_stay_here_and_the_dockerfile_never_does(folder, ignore, gone):
    everything = set(members(packed(folder)))
    (folder / ".dockerignore").write_text(ignore)

    left = set(members(packed(folder))) - {".dockerignore"}

    assert everything - left - {"app"} == gone - {"app"}
    assert "Dockerfile" in left


def test_list_named_after_the_dockerfile_wins(folder):
    (folder / ".dockerignore").write_text("app\n")
    (folder / "Dockerfile.dockerignore").write_text("secret.env\n")

    found = members(packed(folder))

    assert "app/main.py" in found
    assert "secret.env" not in found


@pytest.mark.parametrize("target", ["/etc/passwd", "../..", "app/main.py", "./app/../app"])
def test_links_stay_links_and_are_never_followed(folder, target):
    (folder / "link").symlink_to(target)

    info, content = members(packed(folder))["link"]

    assert (info.issym(), info.linkname, content) == (True, target, b"")


def test_ignore_list_behind_a_link_out_of_the_folder_is_not_read(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "list"
    outside.write_text("app\n")
    (folder / ".dockerignore").symlink_to(outside)

    assert "app/main.py" in members(packed(folder))


def test_odd_files_are_left_out_and_odd_names_kept(folder):
    os.mkfifo(folder / "pipe")
    (folder / ("n" * 200)).mkdir()
    (folder / ("n" * 200) / ("ü" * 100)).write_text("x")

    found = members(packed(folder))

    assert "pipe" not in found
    assert f"{'n' * 200}/{'ü' * 100}" in found


def test_large_file_is_never_held_whole(folder):
    with (folder / "big").open("wb") as file:
        file.truncate(64 << 20)

    assert max(len(piece) for piece in context_tar(str(folder), "Dockerfile", "")) <= 1 << 20
