"""Credentials over real git: who gets them, and where they never stand."""

import os
import subprocess
from dataclasses import replace

import pytest

from pipeline.errors import Rejected, Unreachable
from pipeline.fleet.service import Repository
from pipeline.secret import Secret
from runners.git_command import remote_of
from runners.source import GitSource
from tests.runners.source_trees.ground import SPY, TOKEN, check_out, never, pushed


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
