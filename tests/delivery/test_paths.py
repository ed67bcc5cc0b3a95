"""Which changes are a service's own."""

import subprocess
from pathlib import Path

import pytest

from pipeline.delivery.orders import Recipe
from pipeline.delivery.paths import Area, area_of, narrowed
from pipeline.fleet.service import Repository, Service
from pipeline.spec import BuildSpec, Spec

ANYWHERE = Repository("/srv/mono.git")


def service(path: str = ".", paths: tuple[str, ...] = (), ignore: tuple[str, ...] = ()) -> Service:
    return Service("api", ANYWHERE, path, paths=paths, ignore=ignore)


def area(of: Service, context: str = ".", dockerfile: str = "Dockerfile") -> Area:
    return area_of(of, Spec(build=BuildSpec(context=context)), Recipe("/tree", dockerfile, "FROM x\n"))


API = service("services/api")


@pytest.mark.parametrize(
    ("of", "narrow"),
    [
        (service(), False),
        (API, True),
        (service(paths=("src/",)), True),
        (service(ignore=("docs/",)), True),
    ],
)
def test_a_service_at_the_root_that_says_nothing_is_built_by_every_push(of, narrow):
    assert narrowed(of) == narrow


@pytest.mark.parametrize(
    ("of", "context", "changed", "own"),
    [
        # its folder, and nothing that is only called alike
        (API, ".", "services/api/main.py", True),
        (API, ".", "services/api/.shipway.yml", True),
        (API, ".", "services/api2/main.py", False),
        (API, ".", "services/api", True),  # a submodule
        (API, ".", "README.md", False),
        (API, ".", "old/services/api/main.py", False),
        (API, "image", "services/api/main.py", True),
        # `paths` says what else, or what at all
        (service("services/api", ("libs/money",)), ".", "libs/money/round.py", True),
        (service("services/api", ("libs/money",)), ".", "libs/time/zone.py", False),
        (service("services/api", ("libs/money",)), ".", "services/api/main.py", True),
        (service(paths=("src/", "*.toml")), ".", "src/main.py", True),
        (service(paths=("src/", "*.toml")), ".", "a/b/pyproject.toml", True),
        (service(paths=("src/",)), ".", "docs/index.md", False),
        # the recipe is always its own
        (service(paths=("src/",)), ".", "Dockerfile", True),
        (service(paths=("src/",)), ".", ".shipway.yml", True),
        (service("services/api", ignore=("*",)), ".", "services/api/Dockerfile", True),
        (service("services/api", ignore=("*",)), ".", "services/api/main.py", False),
        # `ignore` takes away
        (service(ignore=("docs/", "*.md")), ".", "docs/a.png", False),
        (service(ignore=("docs/", "*.md")), ".", "deep/down/README.md", False),
        (service(ignore=("docs/", "*.md")), ".", "main.py", True),
        (service("services/api", ignore=("services/api/docs",)), ".", "services/api/docs/x", False),
    ],
)
def test_a_change_is_a_services_own(of, context, changed, own):
    assert area(of, context).any_of([changed]) == own


def test_nothing_changed_is_nothing_of_its_own():
    assert not area(API).any_of([])
    assert not area(service(ignore=("docs/",))).any_of([])


def test_a_dockerfile_beside_the_context_is_its_own():
    beside = area(service(paths=("src/",)), "image", "../Dockerfile")

    assert beside.any_of(["Dockerfile"])
    assert not beside.any_of(["image/Dockerfile"])


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (API, "under services/api"),
        (service("services/api", ("libs/", "*.proto")), "under services/api, libs/, *.proto"),
        (service("services/api", ignore=("*.md",)), "under services/api outside *.md"),
        (service(ignore=("docs/", "*.md")), "outside docs/, *.md"),
    ],
)
def test_an_area_has_words_for_people(of, words):
    assert str(area(of)) == words


PATTERNS = (
    *("docs", "docs/", "/docs", "docs/*", "docs/**", "**/docs", "a/**/z", "*.md", "/*.md", "a/*.md", "*/x"),
    *(
        "?.md",
        "[ab]",
        "[!ab].md",
        "[a-c]/x",
        "x[.]md",
        "a.md",
        "+(x)",
        "{a,b}",
        "a/b/",
        "**",
        "*",
        "a**z",
        "a/b**",
        "a/**/b/**",
    ),
)
PATHS = (
    *("docs", "docs/a", "docs/a/b", "x/docs", "x/docs/a", "docsx", "a/z", "a/b/z", "a/b/c/z", "a/bz", "az"),
    *("README.md", "a/README.md", "a/b/c.md", "x", "a/x", "a/b/x", "ab", "a", "b", "c/x", "d/x", "a.md"),
    *("d.md", "x.md", "xymd", "+(x)", "{a,b}", "a/b", "a/b/y", "ü", "ü/a.md", "a b/c"),
)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_mean_what_they_mean_in_gitignore(pattern: str, tmp_path: Path):
    git = ("git", "-C", str(tmp_path), "-c", "core.excludesFile=/dev/null", "-c", "core.quotePath=false")
    subprocess.run([*git, "init", "-q"], check=True, timeout=20)
    (tmp_path / ".gitignore").write_text(f"{pattern}\n")
    words = [*git, "check-ignore", "--no-index", "--stdin", "-z"]
    asked = "\0".join(PATHS)
    told = subprocess.run(words, input=asked, capture_output=True, text=True, timeout=20, check=False)

    mine = [path for path in PATHS if Area(patterns=(pattern,)).any_of([path])]

    assert mine == [path for path in told.stdout.split("\0") if path]
