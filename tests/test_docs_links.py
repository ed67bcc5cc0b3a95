"""Every link of every page leads somewhere: files and their headings here, and addresses elsewhere by their form."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^( *)(```|~~~).*?^\1\2[ ]*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(r"\]\(\s*<?([^)>\s]+)>?[^)]*\)")
DEFINED = re.compile(r"^ {0,3}\[[^\]^]+\]:\s*(\S+)", re.MULTILINE)
ATTRIBUTE = re.compile(r"""<(?:a|img|source)\b[^>]*\b(?:href|src|srcset)=["']([^"'\s]+)""")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)


def links_of(text: str) -> list[str]:
    plain = CODE.sub("", FENCE.sub("", text))
    return [found for form in (LINK, DEFINED, ATTRIBUTE) for found in form.findall(plain)]


def anchors_of(text: str) -> set[str]:
    """Those by which a heading is found at GitHub, at GitLab and on the site alike."""
    headings = [_words(heading) for heading in HEADING.findall(FENCE.sub("", text))]
    github = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    gitlab = [re.sub(r"-+", "-", slug) for slug in github]
    return set(_numbered(github)) & set(_numbered(gitlab))


def _words(heading: str) -> str:
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")


def _numbered(slugs: list[str]) -> Iterator[str]:
    """The second heading of the same words gets -1 at both; on the site it does not, so it is no anchor."""
    return (slug for slug in slugs if slugs.count(slug) == 1)


def wrong(link: str, page: Path) -> str:
    """What is wrong with it; empty: nothing."""
    address = urlsplit(link)
    if address.scheme or address.netloc:
        fine = address.scheme in ("https", "mailto") and (address.netloc or address.path)
        return "" if fine else "is no https address"
    if address.path.startswith("/"):
        return "is absolute: it leads elsewhere at each place where the page is shown"
    target = page if not address.path else (page.parent / unquote(address.path)).resolve()
    if not target.is_relative_to(ROOT) or not target.exists():
        return "leads to no file"
    if address.fragment and target.suffix == ".md" and address.fragment not in anchors_of(target.read_text()):
        return f"names no heading of {target.name}"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    found = {link: wrong(link, page) for link in links_of(page.read_text())}

    assert {link: why for link, why in found.items() if why} == {}


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("LICENSE", ""),
        ("CONTRIBUTING.md#commits", ""),
        ("docs/no-such-page.md", "leads to no file"),
        ("CONTRIBUTING.md#no-such-heading", "names no heading of CONTRIBUTING.md"),
        ("/docs/api.md", "is absolute: it leads elsewhere at each place where the page is shown"),
        ("../elsewhere.md", "leads to no file"),
        ("http://example.com", "is no https address"),
        ("https://example.com/a#b", ""),
    ],
)
def test_a_dead_link_is_found(link: str, why: str):
    assert wrong(link, ROOT / "README.md") == why


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("[a](b.md) ![c](d.svg 'title')", ["b.md", "d.svg"]),
        ("`[a](b.md)` and\n```\n[c](d.md)\n```\n", []),
        ("[a]: b.md\n", ["b.md"]),
        ('<img width="1" src="a.png"><a href="b.md">', ["a.png", "b.md"]),
    ],
)
def test_links_are_seen_in_every_form_and_not_in_code(text: str, links: list[str]):
    assert links_of(text) == links


def test_headings_are_anchors_as_forges_make_them():
    text = "# The `words` and [a link](x.md)!\n## Same\n## Same\n## At 3 a.m.\n```sh\n# comment\n```\n"

    assert anchors_of(text) == {"the-words-and-a-link", "at-3-am"}


def test_every_page_has_a_way_to_it():
    """From the table of contents of the site; README.md and its like are found by themselves."""
    listed = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text()))
    docs = ROOT / "docs"

    assert {str(page.relative_to(docs)) for page in docs.rglob("*.md")} == listed
