"""For all tests: the sample service's own tests run in its image, not here; passwords and routes are cheap; and which
live tests stay on one lab.

Side by side, each worker of pytest-xdist has a lab of its own (`--dist loadgroup`). Tests that share what is made once
for their file or folder stay together on one of them. All others go to whichever is free, so that no long file is left
at the end.
"""

from collections.abc import Callable, Iterator

import pytest
from argon2 import PasswordHasher
from werkzeug.routing import Rule

from runners import passwords

collect_ignore = ["sample_app"]
LONG = 100  # characters
SHARED = {"class", "module", "package"}  # scopes


@pytest.fixture(autouse=True, scope="session")
def _cheap_passwords() -> Iterator[None]:
    """A guess costs a thief 45 ms of a core, and so it would each test that signs somebody in, twice.

    What is hashed outside this process costs what it costs: tests/runners/test_passwords.py holds the real price.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(autouse=True, scope="session")
def _routes_compiled_once() -> Iterator[None]:
    """werkzeug compiles two functions for each route of each application, and nearly every test of the web makes one.

    They keep nothing, and come of a rule's text alone unless it has defaults: applications may share them.
    """
    compiled: dict[object, Callable[..., tuple[str, str]]] = {}
    compile_one = Rule._compile_builder

    def once(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        if rule.defaults:
            return compile_one(rule, append_unknown)
        key = rule.rule, tuple(rule._trace), append_unknown
        if key not in compiled:
            compiled[key] = compile_one(rule, append_unknown)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", once)
        yield


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("dist", "no") == "loadgroup" and not hasattr(pytest.Item, "_nodeid"):
        raise pytest.UsageError(
            f"pytest-xdist tells groups by a name that pytest {pytest.__version__} does not read: each test would go to any "
            "worker, away from those it shares its ground with. Install the pytest that pyproject.toml names."
        )


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A test's name stands in the environment of what it starts, and is the same on every worker: no long text in it."""
    return argname if isinstance(val, str | bytes) and len(val) > LONG else None


@pytest.hookimpl(tryfirst=True)  # before the one of pytest-xdist that reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        info = getattr(
            item, "_fixtureinfo", None
        )  # pytest has no public word for the scope of a test's fixtures
        known = info.name2fixturedefs.values() if info else ()
        scopes = {fixture.scope for fixtures in known for fixture in fixtures}
        if scopes & SHARED:
            place = item.path.parent if "package" in scopes else item.path
            item.add_marker(pytest.mark.xdist_group(place.stem))
