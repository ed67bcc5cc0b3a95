"""`GET /notices`: sent, waiting and dead ones, never an address."""

from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from pipeline.notices import codec
from pipeline.notices.notice import Draft, Text
from pipeline.web.app import create_app
from tests.contracts.samples import AT, new_run
from tests.web.conftest import House


@pytest.fixture
def client(house: House) -> FlaskClient:
    return create_app(replace(house.ports, told=house.store.notices)).test_client()


@pytest.fixture
def three(house: House) -> None:
    """1 is sent, 2 is dead, 3 waits."""
    books, lease = house.store, house.store.leases.take("notices", "t", 60)
    assert lease
    body = codec.dump(Text("shop on production: run 1 failed in build: boom"))
    books.runs.cancel(books.runs.add(new_run()).id)
    plain = Draft("all", "dingtalk:1", "run.failed", "shop/production", "", body, AT, AT)
    drafts = [plain, plain, replace(plain, not_before=AT + timedelta(days=1))]
    books.notices.accept(books.notices.moments(1)[0], drafts, lease)
    first, second = books.notices.due(AT)
    books.notices.sent([first], AT, lease)
    books.notices.bury([second], "DingTalk did not take it: 310000, sign not match.", lease)


@pytest.mark.usefixtures("three")
def test_all_are_listed_newest_first_with_what_became_of_them(client: FlaskClient, house: House):
    answer = client.get("/api/v1/notices", headers=house.token("viewer")).json

    assert answer
    assert [(one["id"], one["fate"]) for one in answer["notices"]] == [
        (3, "waiting"),
        (2, "dead"),
        (1, "sent"),
    ]
    assert (answer["waiting"], answer["dead"], answer["next"]) == (1, 1, None)
    assert answer["notices"][1]["error"].endswith("sign not match.")
    assert answer["notices"][2]["title"] == "shop on production: run 1 failed in build: boom"


@pytest.mark.usefixtures("three")
def test_they_are_chosen_by_fate_and_come_in_pages(client: FlaskClient, house: House):
    headers = house.token("viewer")

    dead = client.get("/api/v1/notices?fate=dead", headers=headers).json
    first = client.get("/api/v1/notices?limit=1", headers=headers).json
    rest = client.get(f"/api/v1/notices?cursor={first['next']}", headers=headers).json  # type: ignore[index]

    assert [one["id"] for one in dead["notices"]] == [2]  # type: ignore[index]
    assert [one["id"] for one in rest["notices"]] == [2, 1]  # type: ignore[index]


def test_a_shipway_that_tells_nobody_has_none(house: House):
    answer = create_app(house.ports).test_client().get("/api/v1/notices", headers=house.token("viewer"))

    assert answer.json == {"notices": [], "waiting": 0, "dead": 0, "next": None}
