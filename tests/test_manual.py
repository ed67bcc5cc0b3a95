"""The annotated examples, the tables and the keys say the same."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from pipeline.assets import templates_dir
from pipeline.settings_docs import configuration_page, inner_model
from pipeline.settings_file import parse_settings
from pipeline.settings_keys import FileKeys
from pipeline.settings_values import FORGES
from pipeline.spec import Spec
from pipeline.spec_file import SpecKeys, parse_spec
from pipeline.yaml_text import load
from runners import forges

ROOT = Path(__file__).parents[1]
INIT = templates_dir() / "init"


def keys_of(kind: type[BaseModel], path: str = "") -> set[str]:
    found = set()
    for name, field in kind.model_fields.items():
        name = field.alias or name
        inner, named = inner_model(field.annotation)
        below = f"{path}{name}."
        found |= {path + name} | (keys_of(inner, below + "*." * named) if inner else set())
    return found


def keys_in(example: Any, wanted: set[str], path: str = "") -> set[str]:
    found = set()
    if isinstance(example, list):
        return {key for item in example for key in keys_in(item, wanted, path)}
    for name, value in example.items() if isinstance(example, dict) else ():
        key = path + (name if path + name in wanted else "*")
        found |= {key} | keys_in(value, wanted, key + ".")
    return found


@pytest.mark.parametrize(("file", "kind"), [("shipway.yml", FileKeys), (".shipway.yml", SpecKeys)])
def test_every_key_is_in_the_example(file, kind):
    wanted = keys_of(kind)

    assert wanted - keys_in(load((INIT / file).read_text(), file), wanted) == set()


def test_the_operators_example_is_valid_without_any_variable():
    settings = parse_settings((INIT / "shipway.yml").read_text(), {}, lambda path: "", "/etc/shipway")

    assert list(settings.services["shop"].environments) == ["test", "production"]


def test_the_repositorys_example_is_valid():
    assert parse_spec((INIT / ".shipway.yml").read_text()) != Spec()


def defaults_of(kind: type[BaseModel], example: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Key -> (the default, what the example has) for the keys whose line says `# default`, as one model."""
    found = {}
    model = kind.model_validate(example)
    for name, field in kind.model_fields.items():
        if field.is_required():
            continue
        found[name] = (field.get_default(call_default_factory=True), getattr(model, name))
    return found


@pytest.mark.parametrize(
    ("file", "kind", "where"),
    [
        ("shipway.yml", FileKeys, ("server",)),
        ("shipway.yml", FileKeys, ("registry",)),
        ("shipway.yml", FileKeys, ("builder",)),
        ("shipway.yml", FileKeys, ("proxies", "front")),
        ("shipway.yml", FileKeys, ("load_balancers", "entry")),
        ("shipway.yml", FileKeys, ("services", "shop", "repository")),
        ("shipway.yml", FileKeys, ("gitlab_runners", "ci")),
        ("shipway.yml", FileKeys, ("services", "shop", "environments", "production")),
        ("shipway.yml", FileKeys, ("services", "shop", "environments", "production", "rollout")),
        (
            "shipway.yml",
            FileKeys,
            ("services", "shop", "environments", "production", "rollout", "compare"),
        ),
        (".shipway.yml", SpecKeys, ("build",)),
        (".shipway.yml", SpecKeys, ("test",)),
        (".shipway.yml", SpecKeys, ("run",)),
        (".shipway.yml", SpecKeys, ("health",)),
    ],
)
def test_what_the_example_calls_a_default_is_one(file, kind, where):
    text = (INIT / file).read_text()
    example: Any = load(text, file)
    for key in where:
        example = example[key]
        inner, _ = (
            inner_model(kind.model_fields[key].annotation) if key in kind.model_fields else (kind, False)
        )
        kind = inner
    plain = {
        line.partition(":")[0].strip()
        for line in text.splitlines()
        if "# default." in line or "# default\n" in line + "\n"
    }

    wrong = {
        name: pair
        for name, pair in defaults_of(kind, without_variables(example)).items()
        if name in plain & set(example) and pair[0] != pair[1]
    }

    assert wrong == {}


def without_variables(example: dict[str, Any]) -> dict[str, Any]:
    return {key: "" if isinstance(value, str) and "${" in value else value for key, value in example.items()}


def test_the_page_is_what_the_keys_say():
    assert (ROOT / "docs" / "configuration.md").read_text() == configuration_page()


def test_the_configuration_knows_the_forges_there_are():
    assert set(FORGES) == set(forges.known())
