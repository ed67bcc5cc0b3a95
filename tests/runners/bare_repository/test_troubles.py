"""What a push meets when the server does not take it, is away, or the settings are broken: never a failure."""

import json

import pytest

from tests.runners.bare_repository.ground import DOWN, GONE, QUEUED, git, said


def test_a_server_that_comes_back_is_told_again_with_the_same_delivery(clone, server):
    server.answers = [DOWN, QUEUED]

    output = git(clone, "push", "origin", "HEAD:main")

    assert len({json.loads(body)["delivery"] for _, _, body in server.told}) == 1
    assert len(server.told) == 2
    assert said(output)[0].startswith("Shipway: run 12 queued")


@pytest.mark.parametrize(
    ("answer", "what", "tries"),
    [
        (GONE, "No service here is built from project 'shop'.?[2J", 1),
        (DOWN, "Service unavailable", 2),
        ((429, b""), "it answered HTTP Error 429: Too Many Requests", 2),
        ((302, b""), "it answered HTTP Error 302: Found", 1),
        ((200, b"<html>"), "Expecting value", 2),
        ((200, [1]), "'list' object has no attribute 'get'", 1),
    ],
)
def test_a_server_that_does_not_take_it_never_fails_the_push(clone, server, answer, what, tries):
    server.answers = [answer]

    output = git(clone, "push", "origin", "HEAD:main")

    first, last = said(output)
    assert what in first
    assert last == "Shipway: the push itself is done; Shipway finds it when it looks at the repository next."
    assert len(server.told) == tries


def test_a_server_that_is_away_never_fails_the_push(clone, server, tmp_path):
    file = tmp_path / "shop.git" / "hooks" / "shipway-hook.json"
    file.write_text(file.read_text().replace(server.url, "http://127.0.0.1:9"))

    first, _ = said(git(clone, "push", "origin", "HEAD:main"))

    assert first.startswith("Shipway: could not be told of this push: http://127.0.0.1:9: ")
    assert server.told == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"project": "shop"}'])
def test_broken_settings_never_fail_the_push(clone, tmp_path, content):
    (tmp_path / "shop.git" / "hooks" / "shipway-hook.json").write_text(content)

    assert len(said(git(clone, "push", "origin", "HEAD:main"))) == 2


def test_a_web_proxy_of_the_machine_is_not_asked(clone):
    output = git(
        clone, "push", "origin", "HEAD:main", http_proxy="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9"
    )

    assert said(output)[0].startswith("Shipway: run 12 queued")


def test_a_hooks_path_of_the_users_own_does_not_hide_the_hook(clone, server, tmp_path):
    (tmp_path / "work" / ".gitconfig").write_text(f"[core]\n\thooksPath = {tmp_path}/elsewhere\n")

    assert said(git(clone, "push", "origin", "HEAD:main"))
