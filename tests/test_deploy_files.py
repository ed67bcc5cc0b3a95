"""The files under deploy/ name commands that exist and give nobody more rights than needed."""

import configparser
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from pipeline.cli import shipway

DEPLOY = Path(__file__).parents[1] / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
COMPOSE = yaml.safe_load((DEPLOY / "compose.yml").read_text())["services"]
OURS = [name for name, service in COMPOSE.items() if "SHIPWAY_IMAGE" in service["image"]]


def service_of(unit: Path) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment]
    parser.read(unit)
    return dict(parser["Service"])


def accepted(words: list[str]) -> bool:
    """Would the command line be understood? Parses without doing anything."""
    with click.Context(shipway) as context:
        command = shipway.get_command(context, words[0])
        if command is None:
            return False
        command.make_context(words[0], list(words[1:]), parent=context)
    return True


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_a_command_that_exists(unit: Path) -> None:
    words = shlex.split(
        service_of(unit)["ExecStart"].replace("%i", "deploy").replace("${SHIPWAY_CONCURRENCY}", "2")
    )

    assert words[0] == "/usr/local/bin/shipway"
    assert accepted(words[1:])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_runs_without_root_and_lets_work_be_handed_back(unit: Path) -> None:
    service = service_of(unit)

    assert service["User"] == "shipway"
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""
    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) > 10


@pytest.mark.parametrize("name", OURS)
def test_a_container_starts_a_command_that_exists(name: str) -> None:
    assert accepted(COMPOSE[name]["command"])


@pytest.mark.parametrize("name", COMPOSE)
def test_a_container_is_not_root_and_cannot_write_to_its_image(name: str) -> None:
    service: dict[str, Any] = COMPOSE[name]

    assert int(service["user"].partition(":")[0]) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "privileged" not in service


def test_only_workers_reach_the_engine() -> None:
    reaching = {
        name for name, s in COMPOSE.items() if any("docker.sock" in volume for volume in s["volumes"])
    }

    assert reaching == {"deliver", "deploy"}


def test_every_part_of_shipway_is_there() -> None:
    assert {COMPOSE[name]["command"][0] for name in OURS} == {"serve", "work", "schedule"}
