"""People in front of the small fleet: a browser each, signed in by the page that everybody uses."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from pipeline.secret import Secret
from pipeline.web.app import create_app
from tests.web.conftest import House

PASSWORD = "correct horse battery staple"
ORIGIN = "http://localhost"  # Flask's test client's own


@dataclass(frozen=True)
class Browser:
    """Sends what a browser sends: where the form stood, and what stands in it."""

    client: FlaskClient

    def get(self, path: str, **options: object) -> TestResponse:
        headers = {"Accept": "text/html", **options.pop("headers", {})}  # type: ignore[dict-item]
        return self.client.get(path, headers=headers, **options)

    def send(self, path: str, origin: str = ORIGIN, **fields: str) -> TestResponse:
        headers = {"Accept": "text/html", "Origin": origin}
        return self.client.post(path, data=fields, headers=headers)

    def token(self, path: str = "/") -> str:
        return re.search(r'name="form_token" value="([^"]+)"', self.get(path).text)[1]

    def act(self, path: str, **fields: str) -> TestResponse:
        return self.send(path, form_token=self.token(), **fields)


@pytest.fixture
def stranger(house: House) -> Browser:
    return Browser(create_app(house.ports).test_client())


@pytest.fixture
def person(house: House) -> Callable[..., Browser]:
    """A user of a role, signed in."""
    app = create_app(house.ports)

    def signed_in(role: str, *scopes: str, name: str = "") -> Browser:
        name = name or f"{role}-{len(house.store.users.users())}"
        house.store.users.create(name, role, scopes, Secret(PASSWORD))
        browser = Browser(app.test_client())
        assert browser.send("/sign-in", name=name, password=PASSWORD).status_code == 303
        return browser

    return signed_in
