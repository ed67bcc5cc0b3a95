"""Checkout over real git: the folder, and what a hostile repository must not do."""

import os
import stat
from pathlib import Path

import pytest

from pipeline.errors import RunnerError, StageFailed
from pipeline.fleet.service import Repository
from pipeline.spec import BuildSpec
from runners.source import GitSource
from tests.runners.source_trees.ground import check_out, never, pushed


def test_folder_holds_the_files_and_no_git(source, origin):
    folder = check_out(source, origin, pushed(origin, {"Dockerfile": "FROM x\n", "run.sh": "hi", "a/b": ""}))

    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*")) == [
        "Dockerfile",
        "a",
        "a/b",
        "run.sh",
    ]
    assert (folder / "run.sh").stat().st_mode & stat.S_IXUSR
    assert not (folder / "Dockerfile").stat().st_mode & stat.S_IXUSR


def test_log_tells_who_wrote_what(source, origin):
    told = []

    check_out(source, origin, pushed(origin), told=told)

    assert "by Ada: Files ['Dockerfile']" in told[-1]


def test_second_run_of_a_commit_needs_no_network(source, origin):
    commit = pushed(origin)
    check_out(source, origin, commit)
    origin.path.rename(origin.path.with_name("away"))

    assert (check_out(source, origin, commit, run_id=8) / "Dockerfile").exists()


def test_tree_that_nobody_cleaned_is_removed_after_two_days(source, origin):
    commit = pushed(origin)
    old, young = check_out(source, origin, commit, run_id=5), check_out(source, origin, commit, run_id=6)
    os.utime(old, (0, 0))

    check_out(source, origin, commit, run_id=7)

    assert (old.exists(), young.exists()) == (False, True)


def test_only_the_pushed_branch_is_fetched(source, origin):
    pushed(origin, {"big": "x"}, "other")
    told = []

    check_out(source, origin, pushed(origin), told=told)

    mirror = next(source._root.glob("mirrors/*.git"))
    assert (
        len(list((mirror / "refs").rglob("*"))) - len([p for p in (mirror / "refs").rglob("*") if p.is_dir()])
        == 1
    )
    assert told[0].startswith("Fetched main of ")


def test_branch_that_became_a_folder_of_branches_is_fetched(source, origin):
    check_out(source, origin, pushed(origin, name="main"))
    origin.git("update-ref", "-d", "refs/heads/main")
    commit = origin.commit({"Dockerfile": "FROM y\n"})
    origin.branch("main/sub", commit)

    folder = source.checkout(Repository(origin.url), commit, "main/sub", 8, print, never)

    assert Path(folder, "Dockerfile").read_text() == "FROM y\n"


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../../etc/passwd", "/etc"])
@pytest.mark.parametrize("name", ["Dockerfile", ".shipway.yml"])
def test_link_out_of_the_tree_is_not_read(source, origin, name, target):
    folder = check_out(source, origin, pushed(origin, {"x": ""}, links={name: target}))

    with pytest.raises(StageFailed, match=r"leads out of the repository"):
        source.spec(str(folder), ".") if name == ".shipway.yml" else source.recipe(
            str(folder), ".", BuildSpec()
        )


def test_context_behind_a_link_out_of_the_tree_is_refused(source, origin):
    folder = check_out(source, origin, pushed(origin, links={"ctx": "/etc"}))

    with pytest.raises(StageFailed, match="leads out"):
        source.recipe(str(folder), ".", BuildSpec(context="ctx"))


def test_link_inside_the_tree_is_followed(source, origin):
    folder = check_out(source, origin, pushed(origin, {"real": "FROM y\n"}, links={"Dockerfile": "real"}))

    assert source.recipe(str(folder), ".", BuildSpec()).text == "FROM y\n"


def test_link_that_runs_in_a_circle_is_said(source, origin):
    folder = check_out(
        source, origin, pushed(origin, {"x": ""}, links={"Dockerfile": "b", "b": "Dockerfile"})
    )

    with pytest.raises(StageFailed):
        source.recipe(str(folder), ".", BuildSpec())


def test_wrong_spec_names_key_and_file(source, origin):
    folder = check_out(source, origin, pushed(origin, {".shipway.yml": "tset: {}\n"}))

    with pytest.raises(StageFailed, match=r"tset.*\n?.*test"):
        source.spec(str(folder), ".")


def test_huge_dockerfile_is_refused(source, origin):
    folder = check_out(source, origin, pushed(origin, {"Dockerfile": "#" * (2 << 20)}))

    with pytest.raises(StageFailed, match="larger than 1 MiB"):
        source.recipe(str(folder), ".", BuildSpec())


def test_no_hook_or_filter_of_a_template_or_repository_runs(tmp_path, origin):
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        f'[filter "evil"]\n\tsmudge = touch {tmp_path}/pwned\n[core]\n\thooksPath = {tmp_path}\n'
    )
    hook = tmp_path / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/pwned\n")
    hook.chmod(0o755)
    source = GitSource(
        str(tmp_path / "data"), {**os.environ, "HOME": str(home), "GIT_TEMPLATE_DIR": str(tmp_path)}
    )

    check_out(source, origin, pushed(origin, {".gitattributes": "* filter=evil\n", "a": "b"}))

    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("url", ["ext::sh -c touch% pwned", "--upload-pack=touch pwned", "fd::3"])
def test_address_that_would_run_something_is_refused(source, origin, tmp_path, monkeypatch, url):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(RunnerError):
        source.checkout(Repository(url), "a" * 40, "main", 7, print, never)

    assert not (tmp_path / "pwned").exists()
