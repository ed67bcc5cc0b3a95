"""Runners become what shipway.yml says: over HTTP at a GitLab that knows its fields, in real books, on hosts in memory."""

from dataclasses import replace
from datetime import timedelta

from pipeline.gitlab_runner.apply import Applied
from pipeline.gitlab_runner.decide import Deed
from pipeline.gitlab_runner.runner import Slot
from tests.gitlab_runner.fleets import (
    ONE,
    TWO,
    WEB_1,
    Ground,
    applied,
    fleet_of,
    settled,
)


def deeds(result: Applied) -> list[tuple[Slot, Deed]]:
    return [(one.change.slot, one.change.deed) for one in result.done]


def test_each_host_gets_a_runner_with_a_token_of_its_own(ground: Ground):
    desk = ground.desk(fleet_of(ground.gitlab))

    result = applied(ground, desk)

    assert deeds(result) == [(ONE, Deed.CREATE), (ONE, Deed.START), (TWO, Deed.CREATE), (TWO, Deed.START)]
    assert result.errors == ()
    assert len(set(ground.tokens().values())) == 2
    assert settled(ground, desk)


def test_gitlab_is_told_what_the_file_says(ground: Ground):
    applied(ground, ground.desk(fleet_of(ground.gitlab, hosts=(WEB_1,), protected=True, locked=True)))

    (row,) = ground.gitlab.runners.rows.values()
    assert row["runner_type"] == "project_type"
    assert (row["tag_list"], row["run_untagged"], row["locked"]) == (["docker"], False, True)
    assert row["access_level"] == "ref_protected"
    assert row["description"] == "shipway here ci/web-1/1 000000000001"


def test_a_second_apply_changes_nothing(ground: Ground):
    desk = ground.desk(fleet_of(ground.gitlab))
    applied(ground, desk)
    before = dict(ground.hosts.containers), ground.at_gitlab()

    assert applied(ground, desk).done == ()
    assert (ground.hosts.containers, ground.at_gitlab()) == before


def test_changed_tags_are_told_to_gitlab_and_no_job_waits(ground: Ground):
    fleet = fleet_of(ground.gitlab)
    applied(ground, ground.desk(fleet))

    result = applied(ground, ground.desk(replace(fleet, tags=("docker", "arm"))))

    assert [deed for _, deed in deeds(result)] == [Deed.UPDATE, Deed.UPDATE]
    assert all(row["tag_list"] == ["docker", "arm"] for row in ground.gitlab.runners.rows.values())
    assert ground.hosts.drained == []


def test_who_was_paused_at_gitlab_stays_so(ground: Ground):
    fleet = fleet_of(ground.gitlab, hosts=(WEB_1,))
    applied(ground, ground.desk(fleet))
    (row,) = ground.gitlab.runners.rows.values()
    row["paused"] = True

    applied(ground, ground.desk(replace(fleet, run_untagged=True)))

    assert (row["paused"], row["run_untagged"]) == (True, True)


def test_a_changed_setting_replaces_the_container_and_keeps_the_entry(ground: Ground):
    fleet = fleet_of(ground.gitlab)
    applied(ground, ground.desk(fleet))
    before, entries = set(ground.hosts.containers), ground.at_gitlab()
    desk = ground.desk(replace(fleet, concurrent=4))

    result = applied(ground, desk)

    assert [deed for _, deed in deeds(result)] == [Deed.REPLACE, Deed.REPLACE]
    assert sorted(ground.hosts.drained) == [ONE, TWO]
    assert before.isdisjoint(ground.hosts.containers)
    assert ground.at_gitlab() == entries
    assert settled(ground, desk)


def test_jobs_that_take_longer_than_stop_timeout_are_cut(ground: Ground):
    fleet = fleet_of(ground.gitlab, hosts=(WEB_1,), stop_timeout=30.0)
    applied(ground, ground.desk(fleet))
    ground.hosts.busy.add(ONE)
    desk = ground.desk(replace(fleet, image="debian:12"))
    began = ground.clock.at

    applied(ground, desk)

    assert ground.hosts.cut == [ONE]
    assert ground.clock.at - began >= timedelta(seconds=30)
    assert "its jobs took longer" in " ".join(ground.said)
    assert settled(ground, desk)


def test_a_drained_host_loses_its_runner_on_both_sides_and_gets_one_when_it_is_back(ground: Ground):
    desk = ground.desk(fleet_of(ground.gitlab))
    applied(ground, desk)
    ground.store.fleet.drain("web-2", "ada", "new disk")

    result = applied(ground, desk)
    alone = set(ground.tokens()), ground.places()
    ground.store.fleet.resume("web-2")
    applied(ground, desk)

    assert result.done[0].change.why == "host web-2: it is drained (by ada: new disk)"
    assert alone == ({ONE}, ["ci/web-1/1"])
    assert set(ground.tokens()) == {ONE, TWO}
    assert settled(ground, desk)


def test_a_host_that_left_the_file_is_cleaned_by_what_the_books_remember(ground: Ground):
    fleet = fleet_of(ground.gitlab)
    applied(ground, ground.desk(fleet))
    ground.drawn = {"web-1": WEB_1}
    desk = ground.desk(replace(fleet, hosts=(WEB_1,)))

    applied(ground, desk)

    assert set(ground.tokens()) == {ONE}
    assert settled(ground, desk)


def test_a_host_that_left_the_file_and_is_silent_keeps_no_entry_at_gitlab(ground: Ground):
    fleet = fleet_of(ground.gitlab)
    applied(ground, ground.desk(fleet))
    ground.drawn = {"web-1": WEB_1}
    ground.hosts.silent.add("web-2")

    result = applied(ground, ground.desk(replace(fleet, hosts=(WEB_1,))))

    assert result.errors == ()
    assert ground.places() == ["ci/web-1/1"]


def test_a_silent_host_of_the_file_is_left_and_told(ground: Ground):
    ground.hosts.silent.add("web-2")

    result = applied(ground, ground.desk(fleet_of(ground.gitlab)))

    assert set(ground.tokens()) == {ONE}
    assert result.unknown == ("Host web-2 does not answer.",)


def test_a_fleet_that_left_the_file_goes_by_its_own_tokens(ground: Ground):
    fleet = fleet_of(ground.gitlab)
    applied(ground, ground.desk(fleet))
    del ground.gitlab.tokens[fleet.token.reveal()]

    result = applied(ground, ground.desk())

    assert result.errors == ()
    assert (ground.tokens(), ground.at_gitlab(), ground.store.gitlab_runners.records()) == ({}, {}, {})


def test_a_fleet_that_moves_to_another_project_is_made_anew_there(ground: Ground):
    fleet = fleet_of(ground.gitlab, hosts=(WEB_1,))
    applied(ground, ground.desk(fleet))
    desk = ground.desk(replace(fleet, id=ground.gitlab.project("acme/blog").id))

    result = applied(ground, desk)

    assert [deed for _, deed in deeds(result)] == [Deed.REMOVE, Deed.CREATE, Deed.START]
    assert settled(ground, desk)


def test_a_revoked_token_is_renewed_and_its_container_replaced(ground: Ground):
    desk = ground.desk(fleet_of(ground.gitlab, hosts=(WEB_1,)))
    applied(ground, desk)
    (number,) = ground.gitlab.runners.rows
    ground.gitlab.runners.revoke(number)

    result = applied(ground, desk)

    assert [deed for _, deed in deeds(result)] == [Deed.RENEW, Deed.REPLACE]
    assert list(ground.gitlab.runners.rows) == [number]
    assert settled(ground, desk)


def test_an_entry_that_somebody_deleted_is_made_anew(ground: Ground):
    desk = ground.desk(fleet_of(ground.gitlab, hosts=(WEB_1,)))
    applied(ground, desk)
    ground.gitlab.runners.rows.clear()

    result = applied(ground, desk)

    assert [deed for _, deed in deeds(result)] == [Deed.CREATE, Deed.REPLACE]
    assert settled(ground, desk)


def test_the_token_never_stands_in_the_books_in_clear(ground: Ground):
    applied(ground, ground.desk(fleet_of(ground.gitlab)))

    database = (ground.folder / "shipway.db").read_bytes() + (ground.folder / "shipway.db-wal").read_bytes()
    assert not [token for token in ground.at_gitlab() if token.encode() in database]


def test_runners_of_another_shipway_are_left_alone(ground: Ground):
    fleet = fleet_of(ground.gitlab, hosts=(WEB_1,))
    applied(ground, ground.desk(fleet, installation=lambda: "there"))
    theirs = ground.gitlab.runners.described()
    ground.hosts.containers.clear()

    ground.store.gitlab_runners.forget(ONE, ground.store.leases.take("x", "x", 9))
    applied(ground, ground.desk(fleet))

    assert set(theirs) < set(ground.gitlab.runners.described())


def test_leftovers_of_a_fleet_that_nobody_remembers_go_through_another_of_the_same_project(ground: Ground):
    fleet = fleet_of(ground.gitlab, hosts=(WEB_1,))
    old = replace(fleet, name="old")
    ground.desk(old).coordinator.create(old, "shipway here old/web-9/1 000000000099")
    desk = ground.desk(fleet, replace(fleet, name="more"))

    result = applied(ground, desk)

    assert result.errors == ()
    assert ground.places() == ["ci/web-1/1", "more/web-1/1"]
    assert settled(ground, desk)


def test_hosts_that_no_runner_concerns_are_not_asked(ground: Ground):
    ground.hosts.silent.add("web-2")
    one = ground.desk(fleet_of(ground.gitlab, hosts=(WEB_1,)))
    ground.store.fleet.drain("web-2", "ada", "dead")
    both = ground.desk(fleet_of(ground.gitlab))

    assert (applied(ground, one).unknown, applied(ground, both).unknown) == ((), ())


def test_a_token_without_the_scope_is_told_with_what_it_needs(ground: Ground):
    fleet = fleet_of(ground.gitlab, hosts=(WEB_1,))
    read_only = replace(fleet, token=type(fleet.token)(ground.gitlab.token("read_api")))

    (error,) = applied(ground, ground.desk(read_only)).errors

    assert "403" in error
    assert "`create_runner`, `manage_runner` and `read_api`" in error


def test_a_container_that_ends_at_once_is_told_with_its_last_lines(ground: Ground):
    ground.hosts.calls = lambda _: ground.hosts.drain(WEB_1, max(ground.hosts.containers))
    desk = ground.desk(fleet_of(ground.gitlab, hosts=(WEB_1,)))

    (error,) = applied(ground, desk).errors

    assert error == "ci/web-1/1: Its container on web-1 ended at once: its last words"


def test_a_runner_that_does_not_call_is_told_and_not_waited_for(ground: Ground):
    ground.hosts.calls = lambda _: None
    desk = ground.desk(fleet_of(ground.gitlab, hosts=(WEB_1,)))

    assert applied(ground, desk).errors == ()
    assert "it has not called GitLab for 30 s" in ground.said[-1]
