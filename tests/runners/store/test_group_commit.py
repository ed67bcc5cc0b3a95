"""Many callers, one transaction: what is shared, and what is not when something is wrong."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.errors import Rejected, Unreachable
from runners.store import group_commit
from runners.store.group_commit import GroupCommit


class Paper:
    """Takes batches slowly enough that callers gather; refuses a batch with a bad word in it."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.busy = threading.Event()
        self.go = threading.Event()

    def commit(self, words: Sequence[str]) -> list[str]:
        self.busy.set()
        self.go.wait(timeout=10)
        self.batches.append(list(words))
        if "bad" in words:
            raise Rejected("a bad word")
        return [word.upper() for word in words]


def _write_all(paper: Paper, first: str, others: list[str]) -> list[str]:
    """`first` keeps the writer busy until all others have come."""
    group = GroupCommit(paper.commit, 10.0)

    def write(word: str) -> str:
        try:
            return group.write(word)
        except Rejected as error:
            return str(error)

    with ThreadPoolExecutor(max_workers=1 + len(others)) as pool:
        futures = [pool.submit(write, first)]
        assert paper.busy.wait(timeout=10)
        futures += [pool.submit(write, word) for word in others]
        while group._open is None or len(group._open.items) < len(others):
            time.sleep(0.001)
        paper.go.set()
        answers = [future.result(timeout=10) for future in futures]
    group.close()
    return answers


def test_callers_that_come_while_it_writes_share_the_next_batch():
    paper = Paper()

    answers = _write_all(paper, "a", ["b", "c", "d"])

    assert answers == ["A", "B", "C", "D"]
    assert [len(batch) for batch in paper.batches] == [1, 3]


def test_one_bad_item_does_not_spoil_the_others():
    answers = _write_all(Paper(), "first", ["a", "bad", "c"])

    assert answers == ["FIRST", "A", "a bad word", "C"]


def test_a_closed_group_takes_no_more():
    group = GroupCommit(list, 10.0)
    group.close()

    with pytest.raises(Unreachable, match="is ending"):
        group.write("a")


def test_a_caller_waits_no_longer_than_it_was_told_to_and_the_writer_goes_on():
    paper = Paper()
    group = GroupCommit(paper.commit, 0.2)

    with pytest.raises(Unreachable, match=r"did not take a write within 0.2 s. It may yet: send it again"):
        group.write("a")
    paper.go.set()
    group.close()

    assert paper.batches == [["a"]]


def test_who_does_not_wait_is_called_back_and_one_bad_item_spoils_its_own_alone():
    paper = Paper()
    group = GroupCommit(paper.commit, 10.0)
    told: dict[str, object] = {}

    for word in ("first", "a", "bad", "c"):
        group.later(word, lambda outcome, word=word: told.update({word: outcome}))
    paper.go.set()
    group.close()

    assert {word: str(outcome) for word, outcome in told.items()} == {
        "first": "FIRST",
        "a": "A",
        "bad": "a bad word",
        "c": "C",
    }


def test_who_does_not_wait_is_told_when_the_writer_has_ended():
    paper = Paper()
    group = GroupCommit(paper.commit, 10.0)
    group.close()

    with pytest.raises(Unreachable, match="is ending"):
        group.later("a", lambda _: None)


# ------------------------------------------------------------------------------------------------ at once


def at_once(paper: Paper, took: float = 0.0) -> tuple[GroupCommit[str, str], list[list[str]]]:
    done: list[list[str]] = []

    def commit(words: Sequence[str]) -> list[str]:
        if "locked" in words:
            raise Unreachable("somebody writes")
        time.sleep(took)
        done.append(list(words))
        return [word.lower() for word in words]

    return GroupCommit(paper.commit, 10.0, commit), done


def test_at_once_is_on_the_callers_own_thread():
    group, done = at_once(Paper())

    assert group.at_once(["A", "B"]) == ["a", "b"]
    assert done == [["A", "B"]]
    group.close()


def test_nothing_at_once_overtakes_who_waits():
    paper = Paper()
    group, done = at_once(paper)
    told = threading.Event()
    group.later("first", lambda _: told.set())
    assert paper.busy.wait(timeout=10)

    assert group.at_once(["a"]) is None
    paper.go.set()
    assert told.wait(timeout=10)
    group.close()

    assert done == []


def test_at_once_is_possible_again_when_nobody_waits_any_more():
    paper = Paper()
    paper.go.set()
    group, _ = at_once(paper)
    group.write("first")

    until = time.monotonic() + 10
    while group.at_once(["A"]) is None and time.monotonic() < until:
        time.sleep(0.001)

    assert group.at_once(["B"]) == ["b"]
    group.close()


def test_what_cannot_be_done_at_once_is_for_the_writer():
    group, _ = at_once(Paper())

    assert group.at_once(["locked"]) is None
    group.close()


def test_after_a_slow_one_the_writer_has_it_for_a_while():
    group, _ = at_once(Paper(), took=group_commit.SLOW * 1.5)

    assert group.at_once(["A"]) == ["a"]
    assert group.at_once(["B"]) is None
    group.close()


def test_a_closed_group_does_nothing_at_once():
    group, _ = at_once(Paper())
    group.close()

    assert group.at_once(["A"]) is None


def test_an_error_that_nobody_expected_is_the_callers():
    group = GroupCommit(Paper().commit, 10.0, lambda words: [1 // 0])

    with pytest.raises(ZeroDivisionError):
        group.at_once(["A"])
    group.close()
