"""The description is valid, complete and what the server does; the page in docs/ is what the code says."""

from pathlib import Path

import pytest
from flask import Flask
from openapi_spec_validator import validate

from pipeline.web.api import CALLS, IdConverter
from pipeline.web.app import create_app
from pipeline.web.handbook import page
from pipeline.web.openapi import description
from pipeline.web.pages import site


def test_the_description_is_valid_openapi():
    validate(description())


def test_every_route_of_the_server_is_described_and_no_other(house):
    pages = Flask("pages", static_folder=None)
    pages.url_map.converters["id"] = IdConverter
    site.mount(pages, house.ports)
    routes = routes_of(create_app(house.ports))
    described = {(method.upper(), path) for path, item in description()["paths"].items() for method in item}

    assert routes - described == routes_of(pages)
    assert described - routes == set()


def routes_of(app):
    return {
        (method, rule.endpoint.partition(" ")[2])
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }


def test_names_of_operations_are_unique():
    names = [call.name for call in CALLS]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")
def test_calls_that_change_something_are_audited_and_no_other(call):
    assert bool(call.action) == (call.method != "GET")


def test_no_model_of_an_answer_has_a_field_for_secrets():
    schemas = description()["components"]["schemas"]
    fields = {(name, field) for name, schema in schemas.items() for field in schema.get("properties", {})}

    suspects = {
        (n, f) for n, f in fields if any(word in f for word in ("secret", "password", "token", "key"))
    }

    names_only = {
        ("SpecAnswer", "secrets"),
        ("SecretsAnswer", "secrets"),
        ("EnvironmentAnswer", "outdated_secrets"),
    }
    once = {("TokenCreated", "token"), ("InvitationAnswer", "token")}
    assert suspects == names_only | once | {("TokensAnswer", "tokens")}


def test_the_description_is_served(client, house):
    assert client.get("/api/v1/openapi.json", headers=house.token("viewer")).json == description()


def test_the_page_in_docs_is_what_the_code_says():
    written = (Path(__file__).parents[2] / "docs" / "api.md").read_text()

    assert written == page(), "run: python -m pipeline.web.handbook > docs/api.md"
