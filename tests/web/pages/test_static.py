"""What pages are made of: vendored as it was published, small, and kept by browsers."""

import gzip
import hashlib
import re

import pytest

from pipeline.assets import templates_dir
from pipeline.web.pages.static import address, assets

VENDORED = templates_dir() / "web" / "static" / "vendor"


def test_vendored_files_are_as_they_were_published():
    listed = re.findall(
        r"^\| (\S+\.js) .*\| ([0-9a-f]{64}) \|$", (VENDORED / "VENDORED.md").read_text(), re.M
    )

    assert {name for name, _ in listed} == {path.name for path in VENDORED.glob("*.js")}
    for name, digest in listed:
        assert hashlib.sha256((VENDORED / name).read_bytes()).hexdigest() == digest


def test_every_vendored_file_has_its_licence():
    for path in VENDORED.glob("*.js"):
        name = path.name.removesuffix(".min.js").rpartition("-")[0]
        assert (VENDORED / f"{name}.LICENSE").is_file(), name


@pytest.mark.parametrize("name", sorted(assets()))
def test_an_asset_is_kept_by_its_content(client, name):
    plain = client.get(address(name))
    packed = client.get(address(name), headers={"Accept-Encoding": "gzip"})

    assert plain.status_code == 200
    assert "immutable" in plain.headers["Cache-Control"]
    assert gzip.decompress(packed.data) == plain.data


@pytest.mark.parametrize(
    "path", ["/static/0000000000000000/shipway.css", "/static/x/../../etc/passwd", "/static/"]
)
def test_an_address_that_names_nothing_of_ours_is_404(client, path):
    assert client.get(path).status_code == 404


def test_a_page_with_all_it_needs_weighs_less_than_200_kb(person):
    text = person("admin").get("/").text
    needed = set(re.findall(r'"/static/\w+/([^"]+)"', text))

    assert len(text.encode()) + sum(len(assets()[name].content) for name in needed) < 200_000


TOKENS = dict(
    re.findall(
        r"--([\w-]+): light-dark\((#\w{6}, #\w{6})\)",
        (templates_dir() / "web/static/shipway.css").read_text(),
    )
)
TONES = ("good", "busy", "warn", "bad", "idle")
ON = [
    *((ink, ground) for ink in ("ink", "faint", "accent") for ground in ("ground", "surface", "raised")),
    *((tone, f"{tone}-ground") for tone in TONES),
    *((tone, "surface") for tone in TONES),
    ("bad", "ground"),
    ("on-accent", "accent"),
]


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), ON, ids=lambda name: name)
def test_text_can_be_read_on_what_it_stands_on(ink, ground, theme):
    """WCAG AA: 4.5 to 1."""
    bright, dim = sorted((luminance(TOKENS[name].split(", ")[theme]) for name in (ink, ground)), reverse=True)

    assert (bright + 0.05) / (dim + 0.05) >= 4.5
