"""What becomes of a notice that is not taken: tried again, given up, and who tells when a teller is lost."""

from dataclasses import replace
from datetime import time

import pytest

from pipeline.errors import Rejected, Stopped, Unreachable
from pipeline.notices.notice import Fate, Quiet, Rule
from pipeline.notices.tell import ACTIVE, ASLEEP, KEY
from tests.contracts.samples import begun
from tests.notices.conftest import ALL, CHAT, MAIL, House


def test_a_service_that_is_away_is_tried_again_later_and_later(house: House):
    house.failed_run()
    house.mouth.fault = Unreachable("dingtalk:1 does not answer")
    pauses = []
    for _ in range(4):
        pauses.append(house.tell())
        house.clock.sleep(pauses[-1])

    house.mouth.fault = None
    house.clock.sleep(60)
    house.tell()

    assert pauses == sorted(pauses)
    assert len(house.mouth.said) == 1
    assert house.store.notices.notices()[0].tries >= 3


def test_while_one_target_is_away_nothing_else_is_tried_on_it(house: House):
    house.mouth.fault = Unreachable("away")
    for n in range(5):
        house.failed_run(environment=f"e{n}")

    house.tell()

    assert [one.tries for one in house.store.notices.notices()] == [0, 0, 0, 0, 1]
    assert house.store.notices.due(house.clock.now()) == []


def test_one_that_is_away_holds_up_no_other(house: House):
    house.rules(Rule("all", (CHAT, MAIL)))
    house.mouth.fault, house.mouth.of = Unreachable("dingtalk:1 does not answer"), CHAT.label
    house.failed_run()

    house.tell()

    assert [label for label, _ in house.mouth.said] == [MAIL.label]
    assert {one.target: one.fate for one in house.store.notices.notices()} == {
        CHAT.label: Fate.WAITING,
        MAIL.label: Fate.SENT,
    }


def test_what_is_refused_is_dead_and_says_why(house: House):
    house.failed_run()
    house.mouth.fault = Rejected("DingTalk did not take it: 310000, sign not match.")

    house.tell()

    dead = house.store.notices.notices(fate=Fate.DEAD)
    assert [one.error for one in dead] == ["DingTalk did not take it: 310000, sign not match."]
    assert house.store.notices.depth() == {"dead": 1}


def test_news_of_three_days_ago_is_given_up(house: House):
    house.failed_run()
    house.mouth.fault = Unreachable("away.")
    house.tell()
    house.clock.sleep(3 * 86400 + 60)

    house.tell()

    assert house.store.notices.notices()[0].error == "away. Given up after three days."


def test_what_is_for_a_target_that_left_the_file_is_given_up(house: House):
    house.rules(replace(ALL, quiet=Quiet(time(0), time(23, 59))))
    house.failed_run()
    house.tell()
    house.rules(Rule("all", (MAIL,)))
    house.clock.sleep(86400)

    house.tell()

    assert house.store.notices.notices()[0].fate is Fate.DEAD


def test_who_is_no_longer_the_teller_sends_nothing(house: House, monkeypatch: pytest.MonkeyPatch):
    house.failed_run()
    monkeypatch.setattr(house.store.leases, "extend", lambda lease, ttl: False)  # it was lost meanwhile

    with pytest.raises(Stopped):
        house.tell()

    assert house.mouth.said == []


def test_one_tells_at_a_time(house: House):
    house.failed_run()
    other = house.store.leases.take(KEY, "other", 60)
    assert other

    assert house.tell() == ACTIVE
    assert house.mouth.said == []


def test_nothing_to_do_rests(house: House):
    assert house.tell() == ASLEEP
    begun(house.store)
    assert house.tell() == ACTIVE


def test_what_a_service_took_is_not_told_again_by_a_new_teller(house: House):
    house.failed_run()
    house.tell()

    house.tell()

    assert len(house.mouth.said) == 1
