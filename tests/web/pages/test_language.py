"""English and Chinese: each sentence is there, and the reader's choice counts."""

import re
from pathlib import Path

import pytest

from pipeline.assets import templates_dir
from pipeline.delivery.run import StageName
from pipeline.fleet.check import THINGS
from pipeline.web.pages.language import language, preferred
from pipeline.web.pages.marks import WORDS
from pipeline.web.pages.navigation import NAVIGATION

PAGES = Path(__file__).parents[3] / "pipeline" / "web" / "pages"
CALLED = re.compile(r"""\b(?:_|say|key)\(\s*(?:"([^"]+)"|'([^']+)')""")


def sentences() -> set[str]:
    """What templates and pages say, and the words that come from tables."""
    files = [*(templates_dir() / "web").rglob("*.j2"), *PAGES.glob("*.py")]
    said = {a or b for file in files for a, b in CALLED.findall(file.read_text(encoding="utf-8"))}
    units = {"{n} d", "{n} h", "{n} min", "{n} s"}
    tables = {*WORDS, *StageName, *THINGS, *(link.name for link in NAVIGATION)}
    return said | units | tables | {"As the system", "Light", "Dark"}


EXTRA = {
    "viewer",
    "deployer",
    "admin",
    "This name and this password do not belong together. Try again.",
}


def test_every_sentence_is_there_in_chinese():
    assert sorted(sentences() - set(language("zh").words)) == []


def test_the_catalogue_says_nothing_that_no_page_says():
    assert sorted(set(language("zh").words) - sentences() - EXTRA) == []


def test_the_parts_of_a_sentence_are_the_same_in_both_languages():
    places = re.compile(r"\{(\w+)\}")

    for english, chinese in language("zh").words.items():
        assert sorted(places.findall(english)) == sorted(places.findall(chinese)), english


@pytest.mark.parametrize(
    ("accepted", "code"),
    [("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("en-GB,zh;q=0.5", "en"), ("fr", ""), ("", ""), ("zh;q=x,en", "en")],
)
def test_the_browsers_wish_is_understood(accepted, code):
    assert preferred(accepted) == code


def test_a_choice_is_kept_and_beats_the_browsers(stranger):
    stranger.get("/sign-in?lang=zh")

    answer = stranger.get("/sign-in", headers={"Accept-Language": "en"})

    assert "登录" in answer.text
    assert answer.headers["Content-Language"] == "zh-Hans"
    assert '<html lang="zh-Hans">' in answer.text


def test_a_theme_is_kept_and_given_back(stranger):
    stranger.get("/sign-in?theme=dark")
    dark = stranger.get("/sign-in").text
    stranger.get("/sign-in?theme=auto")

    assert 'data-theme="dark"' in dark
    assert "data-theme" not in stranger.get("/sign-in").text
