"""For all tests: the sample service's own tests run in its image, not here; and which live tests stay on one lab.

Side by side, each worker of pytest-xdist has a lab of its own (`--dist loadgroup`). Tests that share what is made once
for their file or folder stay together on one of them. All others go to whichever is free, so that no long file is left
at the end.
"""

import pytest

collect_ignore = ["sample_app"]
SHARED = {"class", "module", "package"}  # scopes


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        info = getattr(
            item, "_fixtureinfo", None
        )  # pytest has no public word for the scope of a test's fixtures
        known = info.name2fixturedefs.values() if info else ()
        scopes = {fixture.scope for fixtures in known for fixture in fixtures}
        if scopes & SHARED:
            place = item.path.parent if "package" in scopes else item.path
            item.add_marker(pytest.mark.xdist_group(str(place)))
