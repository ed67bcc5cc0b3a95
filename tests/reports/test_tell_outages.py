"""A forge that is away, slow or busy: everything arrives, once, when it is back."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.fleet.service import Repository
from tests.contracts.samples import new_run, settle
from tests.forge.gitlab import Outage
from tests.reports.conftest import House, desk_of, settings_of, states

LATER = datetime(2999, 1, 1, tzinfo=UTC)


def test_after_five_minutes_of_503_the_forge_shows_the_end(house: House):
    house.gitlab.outage = Outage(503)
    run, lease = house.run()
    number = house.deployed(run, lease)
    pauses = []
    begun = house.clock.now()
    while (house.clock.now() - begun).total_seconds() < 300:
        pauses.append(house.tell())
        house.clock.sleep(pauses[-1])
    settle(house.store, number)

    house.gitlab.outage = Outage()
    house.clock.sleep(60)
    house.tell()

    assert house.shown() == dict.fromkeys(states(), "success")
    assert len(house.project.statuses) == 5, "older states were not sent"
    assert house.store.outbox.waiting(LATER) == []


def test_a_forge_that_is_away_is_asked_less_and_less_often(house: House):
    house.gitlab.outage = Outage(503)
    house.run()
    begun = house.clock.now()
    while (house.clock.now() - begun).total_seconds() < 300:
        house.clock.sleep(house.tell())

    assert 5 <= len(house.gitlab.asked) <= 15


def test_what_the_forge_took_before_it_went_away_is_not_sent_twice(house: House):
    house.run()
    house.gitlab.outage = Outage(503, only="/statuses/", times=None)
    house.gitlab.outage.times = 1
    house.tell()
    house.clock.sleep(5)

    house.tell()

    good = [asked for asked in house.gitlab.asked if asked.status == 201 and "/statuses/" in asked.path]
    assert len(good) == 5
    assert house.shown() == states()


def test_a_restart_in_the_middle_of_an_outage_loses_nothing(house: House):
    house.gitlab.outage = Outage(503)
    house.run()
    house.tell()
    house.desk = desk_of(house.store, house.desk.settings, house.clock)  # another process

    house.gitlab.outage = Outage()
    house.clock.sleep(60)
    house.tell()

    assert house.shown() == states()


def test_a_conflict_of_two_statuses_is_tried_again(house: House):
    house.run()
    house.gitlab.outage = Outage(409, times=1)
    house.tell()
    house.clock.sleep(5)

    house.tell()

    assert house.shown() == states()


def test_a_rate_limit_is_waited_out_and_not_inside_the_call(house: House):
    house.run()
    house.gitlab.outage = Outage(429)

    house.tell()

    assert len(house.gitlab.asked) == 1
    assert house.store.outbox.waiting(LATER)[0].tries == 1


def test_a_forge_that_does_not_listen_is_told_later(house: House, monkeypatch: pytest.MonkeyPatch):
    settings = settings_of(house.gitlab, "glpat-x")
    shop = settings.services["shop"]
    shop = replace(shop, repository=replace(shop.repository, api="http://127.0.0.1:9"))
    house.desk = desk_of(house.store, replace(settings, services={"shop": shop}), house.clock)
    house.run()

    house.tell()

    assert "does not answer" in house.store.outbox.waiting(LATER)[0].error


def test_it_wakes_up_for_what_has_to_be_tried_again(house: House):
    run, lease = house.run()
    house.store.runs.finish(run, "failed", "", lease)
    house.gitlab.outage = Outage(503)

    assert 1 < house.tell() < 3


def test_a_backlog_of_a_forge_that_is_away_is_not_read_again_and_again(house: House):
    house.gitlab.outage = Outage(503)
    for number in range(20):
        house.store.runs.add(new_run(commit=house.commit, environment=f"e{number}"))
    house.tell()

    house.tell()

    assert len(house.gitlab.asked) == 1
    assert house.store.outbox.waiting(house.clock.now()) == []


def test_one_forge_that_is_away_holds_up_no_other(house: House):
    shop = house.desk.settings.services["shop"]
    away = Repository("http://127.0.0.1:9/acme/pay.git", "gitlab", "acme/pay", token=shop.repository.token)
    pay = replace(shop, name="pay", repository=away)
    settings = replace(house.desk.settings, services={"shop": shop, "pay": pay})
    house.desk = replace(house.desk, settings=settings)
    house.run(service="pay")
    house.run()

    house.tell()

    assert house.shown() == states()
