"""`shipway notices`: a test to every address of the file, and what the books say of the rest."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli import shipway
from tests.parts.chat_services import ChatServices, chat_services

pytestmark = pytest.mark.filterwarnings("ignore:.imghdr. is deprecated:DeprecationWarning")
FILE = """
server: {{data: data}}
hosts: {{web-1: {{engine: "tcp://10.0.0.1:2375"}}}}
services:
  shop:
    repository: {{url: "https://git.example.com/acme/shop.git", project: acme/shop}}
    environments: {{production: {{branches: [main], hosts: [web-1]}}}}
notices:
  - {{name: on-call, to: ["json://{address}/hook"], language: zh}}
  - {{to: ["json://{address}/elsewhere/1234567890abcdef12"]}}
"""


@pytest.fixture
def services() -> Iterator[ChatServices]:
    with chat_services() as found:
        yield found


@pytest.fixture
def config(services: ChatServices, tmp_path: Path) -> Path:
    (tmp_path / "shipway.yml").write_text(FILE.format(address=services.address))
    return tmp_path / "shipway.yml"


def said(config: Path, *words: str) -> Result:
    return CliRunner().invoke(shipway, ["notices", *words, "--config", str(config)])


def test_one_rule_is_tried_by_its_name(config: Path, services: ChatServices):
    result = said(config, "test", "on-call")

    assert result.exit_code == 0
    assert "of on-call: it was taken" in result.output
    assert "Shipway 通知测试:on-call" in services.taken[0][1]


def test_all_are_tried_and_each_that_fails_says_why(config: Path, services: ChatServices):
    result = said(config, "test", "--json")

    found = json.loads(result.stdout)["notices"]
    assert [one["rule"] for one in found] == ["on-call", "2"]
    assert found[0]["error"] == ""
    assert "error=400" in found[1]["error"]
    assert isinstance(result.exception, Exception)
    assert "1234567890abcdef12" not in result.output


def test_a_name_that_is_not_there_names_those_that_are(config: Path):
    result = said(config, "test", "nobody")

    assert "It has: on-call, 2." in str(result.exception)
