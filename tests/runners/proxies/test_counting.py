"""The script that adds up what nginx noted, run by the shell of this machine: no nginx needed."""

import subprocess
from pathlib import Path

import pytest

from runners.proxies import counting

A, B = "10.0.0.1:20000", "10.0.0.1:20001"


class Notes:
    def __init__(self, folder: Path) -> None:
        self.notes, self.sums = folder / "seen", folder / "sums"
        self.notes.touch()

    def write(self, *lines: str) -> None:
        with self.notes.open("a") as file:
            file.write("".join(f"{line}\n" for line in lines))

    def words(self, most: int = 1 << 20) -> list[str]:
        return ["sh", "-c", counting._TALLY, "tally", str(self.notes), str(self.sums), str(most)]

    def read(self, most: int = 1 << 20) -> dict[str, counting.Figures]:
        done = subprocess.run(self.words(most), capture_output=True, text=True, timeout=20, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return dict(counting._read(line) for line in done.stdout.splitlines()[1:])


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path)


def test_answers_are_counted_by_replica(notes):
    notes.write(f"{A}|200|0.010", f"{A}|500|0.030", f"{A}|404|0.020", f"{B}|200|0.100")

    assert notes.read() == {A: (3, 1, pytest.approx(0.02)), B: (1, 0, pytest.approx(0.1))}


def test_each_reader_goes_on_where_the_last_one_stopped(notes):
    notes.write(f"{A}|200|0.010")
    notes.read()
    notes.write(f"{A}|502|0.030", f"{B}|200|0.100")

    assert notes.read() == notes.read() == {A: (2, 1, pytest.approx(0.02)), B: (1, 0, pytest.approx(0.1))}


@pytest.mark.parametrize(
    ("line", "counted"),
    [
        (f"{A}, {B}|502, 200|-, 0.010", {B: (1, 0, 0.01)}),  # A gave no answer, and B helped
        (f"{A}, {B}|503, 200|0.001, 0.010", {A: (1, 1, 0.001), B: (1, 0, 0.01)}),  # A itself said 503
        (f"{A}|502|-", {A: (1, 1, None)}),
        (f"{A}, {B}|502, 504|-, -", {B: (1, 1, None)}),
        (f"{A}|-|-", {}),  # the client went away
        (f"{A}|101|0.005", {A: (1, 0, 0.005)}),
        ("shop_production.abc|502|-", {"shop_production.abc": (1, 1, None)}),  # nobody was left to be asked
        ("rubbish", {}),
        (f"{A}|200|0.0", {A: (1, 0, 0.0)}),
        (f"{A}|20", {}),  # cut short by a full memory
    ],
)
def test_what_a_line_counts(notes, line, counted):
    notes.write(line)

    assert notes.read() == counted


def test_counted_notes_make_room_and_the_sums_stay(notes):
    notes.write(*[f"{A}|200|0.010"] * 100)
    notes.read(most=3000)
    kept = notes.notes.stat().st_size
    notes.write(f"{A}|500|0.010")
    notes.read(most=2000)

    assert kept == 2500
    assert notes.notes.stat().st_size == 0
    assert notes.read(most=2000)[A][:2] == (101, 1)


def test_who_finds_nothing_new_writes_nothing(notes):
    notes.write(f"{A}|200|0.010")
    first = notes.read()
    written = sorted(notes.sums.parent.iterdir())

    assert notes.read() == notes.read() == first
    assert sorted(notes.sums.parent.iterdir()) == written


def test_a_memory_that_was_emptied_is_counted_from_its_beginning(notes):
    notes.write(*[f"{A}|200|0.010"] * 5)
    notes.read(most=40)
    assert notes.notes.stat().st_size == 0
    before = notes.read()

    notes.write(*[f"{A}|200|0.010"] * 2)

    assert notes.read()[A][0] == before[A][0] + 2


def test_only_the_newest_of_very_many_notes_are_counted(notes):
    notes.write(*[f"{B}|200|0.010"] * 100, *[f"{A}|200|0.010"] * 40)

    assert notes.read(most=1010) == {A: (40, 0, pytest.approx(0.01))}


def test_nothing_is_left_behind_but_the_notes_and_two_sums(notes, tmp_path):
    for _ in range(5):
        notes.write(f"{A}|200|0.010")
        notes.read()

    assert sorted(path.name for path in tmp_path.iterdir()) == ["seen", "sums.4", "sums.5"]


def test_replicas_without_news_are_forgotten_when_there_are_too_many(notes):
    notes.write(*[f"10.0.0.1:{20000 + n}|200|0.010" for n in range(401)])
    notes.read()
    notes.write(f"{A}|200|0.010")

    assert notes.read() == {A: (2, 0, pytest.approx(0.01))}


def test_readers_side_by_side_count_nothing_twice(notes):
    for round_ in range(1, 11):
        notes.write(*[f"{A}|200|0.010"] * 10)
        readers = [subprocess.Popen(notes.words(), stdout=subprocess.PIPE, text=True) for _ in range(4)]
        answers = [reader.communicate(timeout=20)[0] for reader in readers]

        assert all(f"{A} {round_ * 10} 0 " in answer for answer in answers)


def test_nginx_that_does_not_note_yet_is_told_apart(tmp_path):
    words = ["sh", "-c", counting._TALLY, "tally", str(tmp_path / "none"), str(tmp_path / "sums"), "1000"]

    assert subprocess.run(words, timeout=20, check=False).returncode == counting._ABSENT


def test_what_nobody_was_asked_for_is_shared_out_among_all_who_should_have_been():
    name = counting.upstream("shop_production", [A, B])
    sums = {A: (10, 2, 0.1), name: (5, 5, None)}

    found = counting.shared_out(sums, {"shop_production": [B, A], "blog_production": ["10.0.0.1:1"]})

    assert (found[A], found[B]) == ((12, 4, 0.1), (3, 3, None))
    assert found["10.0.0.1:1"] == (0, 0, None)


def test_new_replicas_do_not_inherit_what_earlier_ones_left_unanswered():
    sums = {counting.upstream("shop_production", [A]): (50, 50, None)}

    assert counting.shared_out(sums, {"shop_production": [B]})[B] == (0, 0, None)
