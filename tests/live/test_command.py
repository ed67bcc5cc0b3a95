"""The command beside a real Shipway: what is live, a plan, a rollback on a terminal, the doctor, the tab key."""

import json
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.house import SHIPWAY, House, ending
from tests.parts.laboratory import Laboratory
from tests.parts.lasting import shop as shop
from tests.parts.pushes import live_release, pushed
from tests.parts.repository import SampleRepository

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def two(lab: Laboratory, shop: SampleRepository) -> Iterator[House]:
    """Up on two hosts, for all tests; each leaves a release live and well."""
    with ending(House(shop.tree.parent / "house", lab.first(2), shop.remote)) as house:
        house.start()
        run = pushed(house, shop, "v1")
        assert run["status"] == "succeeded", run
        yield house


def on_a_terminal(house: House, *words: str) -> tuple[int, str]:
    """Exit code, and all that was drawn."""
    ours, theirs = pty.openpty()
    command = [str(SHIPWAY), "--config", str(house.file), *words]
    environ = os.environ | {"TERM": "xterm-256color"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ)
    os.close(theirs)
    drawn = b""
    try:
        while piece := os.read(ours, 65536):
            drawn += piece
    except OSError:  # how Linux says that the other side is closed
        pass
    os.close(ours)
    return process.wait(60), drawn.decode(errors="replace")


def test_a_person_sees_what_is_live_what_would_change_and_what_moves(
    two: House, shop: SampleRepository
) -> None:
    pushed(two, shop, "v2")

    calm = two.shipway("status")
    plan = two.shipway("plan", two.service, "production", "--release", "1")
    code, drawn = on_a_terminal(two, "rollback", two.service, "production")

    assert re.search(rf"well +{two.service} +production +2 +4/4", calm)
    assert "~ image" in plan
    assert re.search(r"- 2 × #2 +\+ 2 × #1", plan)
    assert code == 0, drawn
    assert "#2 → #1" in drawn
    assert "━" in drawn
    assert f"of release 1 on {two.service} production" in drawn


def test_status_and_doctor_say_what_is_well_and_what_is_sick(two: House, lab: Laboratory) -> None:
    found = json.loads(two.shipway("doctor", "--json"))
    live = live_release(two)
    lab.kill(lab.hosts[0].engine, service=two.service, replica="0")
    said = two.shipway("status")
    again = two.post(f"{two.environment}/deployments", {"release": live})
    assert two.finished_deployment(again["deployment"])["status"] == "succeeded"

    told = " | ".join(f"{row['name']}: {row['text']}" for row in found)
    assert [row for row in found if row["level"] == "bad"] == []
    for part in ("may pull and push", "it serves generation", "give signs of life", "database: SQLite"):
        assert part in told
    assert re.search(rf"sick +{two.service} +production +{live} +3/4", said)
    assert f"{lab.hosts[0].name} has 1 of 2 replicas" in said


def test_the_doctor_does_not_hang_on_what_is_silent_and_the_tab_key_knows_the_service(
    two: House, tmp_path: Path
) -> None:
    ghost = {"engine": "tcp://10.255.255.1:2375", "address": "10.255.255.1"}
    theirs = tmp_path / "shipway.yml"
    theirs.write_text(json.dumps(two.config | {"hosts": two.config["hosts"] | {"ghost": ghost}}))

    done = subprocess.run(
        [str(SHIPWAY), "--config", str(theirs), "doctor", "--json", "--deadline", "12"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    environ = {"COMP_WORDS": "shipway deploy ", "COMP_CWORD": "2", "_SHIPWAY_COMPLETE": "bash_complete"}
    place = {"SHIPWAY_CONFIG": str(two.file), "XDG_CACHE_HOME": str(tmp_path)}

    tab = subprocess.run(
        [str(SHIPWAY)],
        env=os.environ | environ | place,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    found = json.loads(done.stdout.partition("\n{")[0])
    assert done.returncode == 10
    assert {row["name"] for row in found if row["level"] == "bad"} == {"host ghost"}
    assert tab.stdout == f"plain,{two.service}\n"
