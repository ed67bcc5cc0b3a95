"""Checkout over real git: what a hostile repository, a lost credential or a broken disk must not do."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import Rejected, RunnerError, StageFailed, Stopped, Unreachable
from pipeline.fleet.service import Repository
from pipeline.secret import Secret
from pipeline.spec import BuildSpec
from runners.git_command import remote_of
from runners.source import GitSource
from tests.parts.git_server import git_server
from tests.parts.origin import Origin
from tests.parts.workshop import command_of, processes

TOKEN = "s3cr3t-t0ken"
SPY = """#!/bin/sh
printf '%s\\n' "$@" >> {log}
exec {git} "$@"
"""


@pytest.fixture
def origin(tmp_path):
    return Origin(tmp_path / "acme" / "shop.git")


@pytest.fixture
def source(tmp_path):
    return GitSource(str(tmp_path / "data"), os.environ)


def never():
    return False


def pushed(origin, files=None, name="main", **more):
    commit = origin.commit(files or {"Dockerfile": "FROM x\n"}, **more)
    origin.branch(name, commit)
    return commit


def check_out(source, origin, commit, run_id=7, repository=None, told=None):
    lines = [] if told is None else told
    return Path(
        source.checkout(repository or Repository(origin.url), commit, "main", run_id, lines.append, never)
    )


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


# ------------------------------------------------------------------------------------------------ credentials


@pytest.fixture
def server(tmp_path, origin):
    with git_server(origin.path.parent.parent, password=TOKEN) as running:
        yield running


@pytest.fixture
def private(server):
    return Repository(f"http://{server.address}/acme/shop.git", forge="gitlab", token=Secret(TOKEN))


def test_private_repository_is_cloned_with_its_token(source, origin, private):
    commit = pushed(origin)

    assert source.resolve(private, "main") == ("branch", "main", commit)
    assert (check_out(source, origin, commit, repository=private) / "Dockerfile").exists()


@pytest.mark.parametrize("form", ["http://oauth2:{}@{}/acme/shop.git", "http://oauth2@{1}/acme/shop.git"])
def test_credentials_in_the_address_are_taken_out_of_it(source, origin, server, form):
    token = Secret("") if "{}" in form else Secret(TOKEN)
    url = form.format(TOKEN, server.address)
    told = []

    folder = check_out(source, origin, pushed(origin), repository=Repository(url, token=token), told=told)

    assert (folder / "Dockerfile").exists()
    assert f"http://{server.address}/acme/shop.git" in "".join(told)


def test_token_is_in_no_argument_no_file_and_no_log(tmp_path, origin, private):
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    spy = tmp_path / "bin" / "git"
    spy.parent.mkdir()
    spy.write_text(SPY.format(log=tmp_path / "arguments", git=real))
    spy.chmod(0o755)
    source = GitSource(str(tmp_path / "data"), {"PATH": f"{spy.parent}:{os.environ['PATH']}"})
    told = []

    check_out(source, origin, pushed(origin), repository=private, told=told)

    assert "fetch" in (tmp_path / "arguments").read_text()
    assert TOKEN not in (tmp_path / "arguments").read_text()
    assert TOKEN not in "".join(told)
    files = [p for p in (tmp_path / "data").rglob("*") if p.is_file()]
    assert [p for p in files if TOKEN.encode() in p.read_bytes()] == []


def test_wrong_token_is_said_without_showing_it(source, origin, private):
    wrong = replace(private, token=Secret("wr0ng-t0ken"))

    with pytest.raises(Rejected, match=r"refused our credentials\. Check repository\.token") as caught:
        check_out(source, origin, pushed(origin), repository=wrong)

    assert "wr0ng" not in str(caught.value)


def test_missing_token_never_waits_for_a_terminal(source, origin, private):
    with pytest.raises(Rejected):
        check_out(source, origin, pushed(origin), repository=replace(private, token=Secret("")))


def test_token_is_only_given_to_its_own_host(source, origin, server, private):
    """The address of another host that asks for a password."""
    script = source._root / "askpass"
    source._git.environ()
    ask = subprocess.run(
        [script, "Password for 'http://oauth2@evil.example.com': "],
        env={**source._git.environ(remote_of(private))},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ask.returncode, ask.stdout) == (1, "")


@pytest.mark.parametrize(
    ("status", "kind"), [(500, Unreachable), (503, Unreachable), (403, Rejected), (404, Rejected)]
)
def test_forge_that_answers_with_an_error_is_told_apart(source, origin, server, private, status, kind):
    server.status = status

    with pytest.raises(kind):
        check_out(source, origin, pushed(origin), repository=private)


def test_forge_that_is_down_is_unreachable(source, origin):
    with pytest.raises(Unreachable, match="does not answer"):
        source.checkout(Repository("http://127.0.0.1:9/acme/shop.git"), "a" * 40, "main", 7, print, never)


def test_repository_that_is_not_there_is_said(source, tmp_path):
    with pytest.raises(Rejected, match="There is no repository at"):
        source.checkout(Repository(str(tmp_path / "nothing.git")), "a" * 40, "main", 7, print, never)


# ------------------------------------------------------------------------------------------------ bad days


@pytest.mark.parametrize("damage", ["objects", "HEAD", "config", "everything"])
def test_broken_mirror_is_built_anew(source, origin, damage):
    first = pushed(origin)
    check_out(source, origin, first)
    (mirror,) = source._root.glob("mirrors/*.git")
    broken = {
        "objects": [p for p in mirror.glob("objects/??/*")] + list(mirror.glob("objects/pack/*")),
        "HEAD": [mirror / "HEAD"],
        "config": [mirror / "config"],
        "everything": [p for p in mirror.rglob("*") if p.is_file()],
    }[damage]
    for path in broken:
        path.chmod(0o644)
        path.write_bytes(b"garbage")

    assert (check_out(source, origin, first, run_id=8) / "Dockerfile").read_text() == "FROM x\n"


def test_many_runs_of_one_repository_at_once_each_get_their_commit(source, origin):
    commits = [pushed(origin, {"Dockerfile": f"FROM x{n}\n"}, f"b{n}") for n in range(8)]
    texts: dict[int, str] = {}

    def run(number):
        mine = GitSource(str(source._root.parent), os.environ)
        folder = mine.checkout(
            Repository(origin.url), commits[number], f"b{number}", number, lambda _: None, never
        )
        texts[number] = Path(folder, "Dockerfile").read_text()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert texts == {n: f"FROM x{n}\n" for n in range(8)}


def test_what_git_needs_is_made_by_many_threads_at_once(tmp_path):
    """Fifty races for the same two files."""
    for number in range(50):
        sources = [GitSource(str(tmp_path / str(number)), os.environ) for _ in range(8)]
        with ThreadPoolExecutor(8) as threads:
            scripts = list(threads.map(lambda mine: mine._git.environ()["GIT_ASKPASS"], sources))

        assert len(set(scripts)) == 1


def test_git_ends_with_the_worker_that_started_it(tmp_path):
    """A forge that never answers, and a worker that is killed while it waits."""
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 1000\n")
    fake.chmod(0o755)
    code = (
        "import os; from runners.source import GitSource; from pipeline.fleet.service import Repository;"
        f"GitSource({str(tmp_path)!r}, {{'PATH': {str(fake.parent)!r} + ':' + os.environ['PATH']}})"
        ".resolve(Repository('https://x'), 'main')"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as worker:
        until = time.monotonic() + 20
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
            assert time.monotonic() < until
            time.sleep(0.02)
        git = int((tmp_path / "pid").read_text())
        worker.send_signal(signal.SIGKILL)
        worker.wait()

    until = time.monotonic() + 5
    while alive(git):
        assert time.monotonic() < until
        time.sleep(0.02)


def alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


# ------------------------------------------------------------------------------------------------ stopped


@pytest.fixture
def stalling(origin, server, private):
    """A forge that sends half of a pack: more objects than git would unpack one by one."""
    server.commit = pushed(origin, {"Dockerfile": "FROM x\n"} | {f"f{n}": f"{n}\n" for n in range(110)})
    server.stalls = True
    server.repository = private
    return server


def halves(source):
    """What a git that was killed leaves in the copy, and the gits that still run."""
    found = [*source._root.rglob("*.lock"), *source._root.rglob("tmp_*"), *source._root.rglob("*.index*")]
    commands = [command_of(pid) for pid in processes()]
    locks = set(source._root.glob("mirrors/*.lock"))
    return [half for half in found if half not in locks] + [c for c in commands if str(source._root) in c]


def test_clone_that_hangs_ends_when_it_is_stopped_and_leaves_nothing(source, stalling):
    begun = time.monotonic()
    with pytest.raises(Stopped):
        source.checkout(stalling.repository, stalling.commit, "main", 7, print, stalling.stalled.is_set)

    assert time.monotonic() - begun < 10
    assert halves(source) == []
    assert list(source._root.glob("trees/*")) == []


def test_copy_of_a_clone_that_was_stopped_is_used_by_the_next_run(source, origin, stalling):
    with pytest.raises(Stopped):
        source.checkout(stalling.repository, stalling.commit, "main", 7, print, stalling.stalled.is_set)
    stalling.stalls = False
    told = []

    folder = check_out(source, origin, stalling.commit, repository=stalling.repository, told=told)

    assert (folder / "Dockerfile").exists()
    assert "built anew" not in "".join(told)


def test_clone_that_hangs_ends_at_its_time_with_a_sentence(source, stalling, monkeypatch):
    monkeypatch.setattr("runners.mirror.FETCH_TIMEOUT", 1.0)  # a quarter of an hour is too long for a test

    with pytest.raises(Unreachable) as caught:
        source.checkout(stalling.repository, stalling.commit, "main", 7, print, never)

    assert str(caught.value) == (
        f"{stalling.repository.url} does not answer, or too slowly: git fetch did not end within 1 s and was stopped."
    )
    assert halves(source) == []


def test_run_that_waits_for_the_clone_of_another_one_ends_when_it_is_stopped(source, stalling):
    over = threading.Event()

    def clone():
        with pytest.raises(Stopped):
            source.checkout(stalling.repository, stalling.commit, "main", 7, print, over.is_set)

    other = threading.Thread(target=clone)
    other.start()
    assert stalling.stalled.wait(10)
    begun = time.monotonic()

    with pytest.raises(Stopped):
        source.checkout(
            stalling.repository, stalling.commit, "main", 8, print, lambda: time.monotonic() > begun + 0.5
        )
    took = time.monotonic() - begun
    over.set()
    other.join()

    assert took < 5


# ------------------------------------------------------------------------------------------------ submodules


@pytest.fixture
def library(tmp_path):
    return Origin(tmp_path / "acme" / "lib.git")


def with_submodule(origin, library, url, path="vendor/lib"):
    pinned = pushed(library, {"lib.py": "x = 1\n"})
    text = f'[submodule "lib"]\n\tpath = {path}\n\turl = {url}\n'
    return pushed(origin, {"Dockerfile": "FROM x\n", ".gitmodules": text}, gitlinks={path: pinned})


def test_submodules_are_off_unless_asked_for(source, origin, library):
    folder = check_out(source, origin, with_submodule(origin, library, "../lib.git"))

    assert not list((folder / "vendor" / "lib").glob("*"))


def test_submodule_is_checked_out_at_its_commit(source, origin, library):
    commit = with_submodule(origin, library, "../lib.git")
    pushed(library, {"lib.py": "x = 2\n"}, "newer")

    folder = check_out(source, origin, commit, repository=Repository(origin.url, submodules=True))

    assert (folder / "vendor/lib/lib.py").read_text() == "x = 1\n"


def test_private_submodule_of_the_same_host_gets_the_token(source, origin, library, private):
    commit = with_submodule(origin, library, "../lib.git")

    folder = check_out(source, origin, commit, repository=replace(private, submodules=True))

    assert (folder / "vendor/lib/lib.py").exists()


@pytest.mark.parametrize("url", ["/etc", "file:///etc", "ext::sh -c touch% pwned", "-x"])
def test_submodule_from_this_machines_disk_is_refused(source, origin, library, url):
    commit = with_submodule(origin, library, url)

    with pytest.raises(StageFailed, match="has the address"):
        check_out(source, origin, commit, repository=Repository(origin.url, submodules=True))
