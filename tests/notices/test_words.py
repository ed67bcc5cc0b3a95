"""Every language says everything, with the same blanks; a letter is safe to show and fits where it goes."""

from string import Formatter

import pytest

from pipeline.notices import codec
from pipeline.notices.letter import LONGEST, MOST_LINES, letter
from pipeline.notices.notice import TEST, Event, Language, Link, Mood, Text
from pipeline.notices.words import EN, SENTENCES
from tests.contracts.samples import AT

HOSTILE = Text(
    "shop: @all [click](http://evil) <img src=x>",
    ("Reason: ![x](http://evil/p.png)",),
    ("```", "# not a heading", "@channel"),
    (Link("Run 7", "http://shipway/runs/7"),),
)


def blanks(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


@pytest.mark.parametrize("language", Language)
def test_each_language_says_all_of_it(language: Language):
    assert SENTENCES[language].keys() == EN.keys() >= {*Event, TEST}
    for key, sentence in SENTENCES[language].items():
        assert blanks(sentence) == blanks(EN[key]), key


def test_what_a_build_says_calls_nobody_and_draws_nothing():
    said = letter([(HOSTILE, 1)], AT, Language.EN).markdown

    assert "](http://evil" not in said
    assert "@all" not in said
    assert said.count("```") == 2
    assert "[Run 7](http://shipway/runs/7)" in said


def test_several_become_one_with_a_line_for_each():
    texts = [(Text(f"run {n} failed", mood=Mood.GOOD), n) for n in (1, 3)]

    said = letter(texts, AT, Language.EN)

    assert said.title == "Shipway: 4 notices since 2026-03-01 12:00 UTC"
    assert said.plain.splitlines() == ["- run 1 failed", "- run 3 failed (×3)"]
    assert said.mood is Mood.GOOD


def test_a_storm_says_how_many_it_leaves_out():
    said = letter([(Text(f"run {n} failed"), 1) for n in range(500)], AT, Language.ZH)

    assert said.plain.splitlines()[-1] == "……另有 470 条"
    assert len(said.plain.splitlines()) == MOST_LINES + 1


def test_a_long_log_is_cut_and_the_links_stay():
    said = letter([(Text("x", tail=("long " * 60,) * 60, links=HOSTILE.links), 1)], AT, Language.EN)

    assert len(said.plain) <= LONGEST + 10
    assert said.plain.endswith("/runs/7")


def test_a_text_survives_the_book():
    assert codec.load(codec.dump(HOSTILE)) == HOSTILE
