"""Deliveries that name no project: a forge's own events, proved by any service of that forge."""

import json

import pytest

from pipeline.errors import BadSignature, NotFound, TooLarge
from pipeline.intake.receive import LARGEST_OF_NO_PROJECT, receive
from tests.intake.sent import Books, headers, ports, service


def test_an_event_of_no_project_is_proved_by_any_service_of_its_forge():
    books, content = Books(), b'{"organization": {"login": "acme"}}'
    services = (service("shop", "other"), service("api", "hush"))

    received = receive("github", headers(content, event="ping"), content, ports(books, *services))

    assert received.ignored.startswith("ping")
    assert books.deliveries[0].project == ""


def test_an_event_of_no_project_that_nobody_signed_rightly_is_refused():
    content = b"{}"

    with pytest.raises(BadSignature):
        receive("github", headers(content, "wrong", "ping"), content, ports(Books(), service("shop", "hush")))


def test_an_event_of_no_project_is_small():
    content = json.dumps({"zen": "x" * LARGEST_OF_NO_PROJECT}).encode()

    with pytest.raises(TooLarge, match="of no project"):
        receive("github", headers(content, event="ping"), content, ports(Books(), service("shop", "hush")))


def test_an_event_of_no_project_needs_a_service_of_its_forge():
    with pytest.raises(NotFound, match="has a repository with `forge: gitea`"):
        receive("gitea", {"x-gitea-event": "package"}, b"{}", ports(Books(), service("shop", "hush")))
