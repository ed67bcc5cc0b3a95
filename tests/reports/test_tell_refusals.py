"""A forge that says no: given up with a sentence, and nothing secret leaves."""

import logging
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.delivery.run import StageName, StageStatus
from tests.reports.conftest import House, desk_of, settings_of, states

LATER = datetime(2999, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("scopes", "level", "wanted"),
    [
        ("read_api", 40, "scope `api`"),
        ("api", 20, "role Developer"),
    ],
)
def test_a_token_without_the_right_is_given_up_with_a_sentence(
    house: House, scopes: str, level: int, wanted: str, caplog: pytest.LogCaptureFixture
):
    token = house.gitlab.token(scopes, level)
    house.desk = desk_of(house.store, settings_of(house.gitlab, token), house.clock)
    house.run()

    with caplog.at_level(logging.INFO, "shipway"):
        house.tell()

    (trouble,) = house.store.outbox.troubles()
    assert trouble.final
    assert wanted in trouble.error
    assert house.store.outbox.waiting(LATER) == []
    assert len(house.gitlab.asked) == 1
    assert token not in caplog.text + trouble.error
    assert "given up" in caplog.text


def test_a_wrong_token_is_told_as_one(house: House):
    house.desk = desk_of(house.store, settings_of(house.gitlab, "glpat-wrong"), house.clock)
    house.run()

    house.tell()

    assert "wrong, revoked or expired" in house.store.outbox.troubles()[0].error


def test_a_commit_that_is_gone_is_given_up(house: House):
    house.run(commit="d" * 40)

    house.tell()

    assert "the commit is gone" in house.store.outbox.troubles()[0].error


def test_a_repository_whose_forge_cannot_be_found_is_given_up(house: House):
    shop = house.desk.settings.services["shop"]
    local = replace(shop, repository=replace(shop.repository, url="/srv/git/shop.git"))
    house.desk = replace(house.desk, settings=replace(house.desk.settings, services={"shop": local}))
    house.run()

    house.tell()

    assert "`api`" in house.store.outbox.troubles()[0].error


def test_given_up_is_logged_once(house: House, caplog: pytest.LogCaptureFixture):
    house.desk = desk_of(house.store, settings_of(house.gitlab, "glpat-wrong"), house.clock)
    run, lease = house.run()
    house.tell()
    house.stage(run, lease, StageName.CHECKOUT, StageStatus.RUNNING)

    house.tell()

    assert caplog.text.count("given up") == 1


def test_one_that_was_given_up_comes_right_with_the_next_change(house: House):
    wrong = house.desk
    house.desk = desk_of(house.store, settings_of(house.gitlab, "glpat-wrong"), house.clock)
    run, lease = house.run()
    house.tell()
    house.desk = wrong
    house.stage(run, lease, StageName.CHECKOUT, StageStatus.RUNNING)

    house.tell()

    assert house.shown() == states(checkout="running")
    assert house.store.outbox.troubles() == []


@pytest.mark.parametrize("change", [{"reports": False}, {"token": ""}])
def test_a_repository_without_token_or_reports_is_told_nothing(house: House, change: dict[str, object]):
    token = house.gitlab.token() if "token" not in change else ""
    more = {key: value for key, value in change.items() if key != "token"}
    house.desk = desk_of(house.store, settings_of(house.gitlab, token, **more), house.clock)
    house.run()

    house.tell()

    assert house.gitlab.asked == []
    assert house.store.outbox.waiting(LATER) == []


def test_a_service_that_left_the_file_is_told_nothing(house: House):
    house.desk = replace(house.desk, settings=replace(house.desk.settings, services={}))
    house.run()

    house.tell()

    assert house.store.outbox.waiting(LATER) == []


def test_a_secret_in_an_error_does_not_leave(house: House):
    run, lease = house.run()
    token = house.desk.settings.services["shop"].repository.token.reveal()
    house.stage(
        run, lease, StageName.BUILD, StageStatus.FAILED, error=f"curl -H 'PRIVATE-TOKEN: {token}' failed"
    )

    house.tell()

    told = [row["description"] for row in house.project.statuses if row["name"] == "shipway/build"]
    assert told == ["curl -H 'PRIVATE-TOKEN: ***' failed"]
