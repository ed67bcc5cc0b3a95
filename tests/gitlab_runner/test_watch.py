"""What is seen to without a person: hosts that come, go or fail; and what is only told."""

import logging
from dataclasses import replace

import pytest

from pipeline.gitlab_runner.apply import apply
from pipeline.gitlab_runner.watch import watch
from tests.gitlab_runner.fleets import ONE, TWO, WEB_1, Ground, fleet_of


def test_nothing_is_made_before_somebody_applied(ground: Ground):
    watch(ground.desk(fleet_of(ground.gitlab)))

    assert (ground.at_gitlab(), ground.tokens()) == ({}, {})


def test_a_host_that_is_drained_or_comes_is_followed(ground: Ground):
    desk = ground.desk(fleet_of(ground.gitlab))
    apply(desk, ground.said.append)
    ground.store.fleet.drain("web-2", "ada", "")

    watch(desk)
    without = ground.places(), set(ground.tokens())
    ground.store.fleet.resume("web-2")
    watch(desk)

    assert without == (["ci/web-1/1"], {ONE})
    assert (ground.places(), set(ground.tokens())) == (["ci/web-1/1", "ci/web-2/1"], {ONE, TWO})


def test_an_edit_waits_for_apply(ground: Ground):
    fleet = fleet_of(ground.gitlab)
    apply(ground.desk(fleet), ground.said.append)
    before = dict(ground.hosts.containers)

    watch(ground.desk(replace(fleet, concurrent=4)))

    assert ground.hosts.containers == before


def test_a_trouble_is_told_once_and_its_end_too(ground: Ground, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "shipway.gitlab_runners")
    desk = ground.desk(fleet_of(ground.gitlab, hosts=(WEB_1,)))
    apply(desk, ground.said.append)
    row = next(iter(ground.gitlab.runners.rows.values()))
    for paused in (True, True, False):
        row |= {"paused": paused, "contacted_at": ground.clock.at.timestamp()}
        watch(desk)

    told = [record.message for record in caplog.records]
    assert told == ["gitlab runner is not well", "gitlab runner is well again"]
