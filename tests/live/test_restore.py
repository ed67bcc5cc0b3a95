"""The controller's books are restored to an older state: what runs stays, the books follow, no request fails."""

import os
import shutil
from collections.abc import Callable, Sequence

import pytest

from tests.load.session import Load
from tests.parts.house import House
from tests.parts.pushes import Facts, arrived, begun, versions
from tests.parts.repository import SampleRepository

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]
LoadOn = Callable[[Sequence[str]], Load]


def containers(house: House) -> set[str]:
    """Ids of all replicas of the service."""
    hosts = house.lab.hosts
    return {c["Id"] for host in hosts for c in house.lab.containers(host.engine, service=house.service)}


def compared(house: House) -> str:
    """What the comparison after the restore said."""

    def there(facts: Facts) -> bool:
        return any(
            line["action"].startswith("restore.") and line["action"] != "restore.books"
            for line in facts["entries"]
        )

    facts = arrived(house, "/audit", there, "has the comparison", 60)
    line = next(
        e for e in facts["entries"] if e["action"].startswith("restore.") and e["action"] != "restore.books"
    )
    return f"{line['action']}: {line['detail']}"


def test_restored_to_an_older_state_it_adopts_what_runs_and_no_request_fails(
    house: House, shop: SampleRepository, load_on: LoadOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "SHIPWAY_BACKUP_PASSPHRASE", "correct horse battery")
    house.start(120)
    assert house.finished_run(begun(house, shop, "v1"), 300)["status"] == "succeeded"
    kept = house.folder / "kept"
    house.shipway("backup", "--to", str(kept), "--passphrase", timeout=120)
    second = house.finished_run(begun(house, shop, "v2"), 300)
    assert second["status"] == "succeeded"
    there = containers(house)

    with load_on(house.fronts) as load:
        house.stop()
        shutil.rmtree(house.folder / "data")  # the disk died
        (file,) = kept.iterdir()
        house.shipway("restore", str(file), timeout=240)
        house.start(120)
        said = compared(house)
        assert containers(house) == there
        environment = house.get(house.environment)
        assert (environment["live"], environment["release"]["commit"]) == (
            second["release"],
            second["commit"],
        )
        assert said.startswith("restore.recorded")
        counts = load.stop()

    assert versions(house) == {"v2"}
    assert counts.failed == 0, counts

    with load_on(house.fronts) as load:
        house.shipway("rollback", house.service, "production", timeout=240)
        counts = load.stop()

    assert versions(house) == {"v1"}
    assert counts.failed == 0, counts
