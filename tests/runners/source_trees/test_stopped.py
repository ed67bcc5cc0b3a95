"""A clone that hangs, and what is left of it when it is stopped."""

import threading
import time

import pytest

from pipeline.errors import Stopped, Unreachable
from tests.parts.workshop import command_of, processes
from tests.runners.source_trees.ground import check_out, never, pushed


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
