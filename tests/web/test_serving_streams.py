"""Followers of logs over the wire."""

import pytest

from pipeline.web import followers
from tests.web.conftest import House
from tests.web.running import add_run, eventually, read_all, read_event
from tests.web.running import running as running


@pytest.fixture
def headers(house: House) -> dict[str, str]:
    return house.token("deployer", name="ci")


def test_a_follower_sees_lines_as_they_are_written_and_the_end(running, headers):
    run = add_run(running.house)
    stream = running.ask("GET", f"/api/v1/runs/{run}/log?follow=1", **headers)
    assert read_event(stream) == {"retry": "1000"}

    running.house.logs.append(run, "build", "one\n")
    first = read_event(stream)
    running.house.logs.append(run, "build", "two\n")
    second = read_event(stream)
    running.house.ports.runs.cancel(run)
    last = read_event(stream)

    assert first == {"id": "4", "data": "one\n"}
    assert second == {"id": "8", "data": "two\n"}
    assert last == {"id": "8", "event": "end", "data": '{"status": "cancelled"}'}
    assert stream.read() == b""
    assert stream.getheader("X-Accel-Buffering") == "no"
    assert stream.getheader("Content-Type").startswith("text/event-stream")


def test_a_follower_who_comes_again_gets_only_what_is_new(running, headers):
    run = add_run(running.house)
    running.house.logs.append(run, "build", "one\ntwo\n")
    running.house.ports.runs.cancel(run)

    stream = running.ask("GET", f"/api/v1/runs/{run}/log?follow=1", **headers, **{"Last-Event-ID": "4"})

    assert [event.get("data") for event in read_all(stream)][1:] == ["two\n", '{"status": "cancelled"}']


def test_many_followers_of_one_log_share_one_reading(running, headers):
    run = add_run(running.house)
    streams = [running.ask("GET", f"/api/v1/runs/{run}/log?follow=1", **headers) for _ in range(40)]
    for stream in streams:
        assert read_event(stream) == {"retry": "1000"}
    reads: list[int] = []
    read = running.house.logs.read

    def counted(run_id: int, offset: int = 0, limit: int = 0) -> tuple[bytes, int]:
        reads.append(offset)
        return read(run_id, offset, limit)

    running.house.logs.read = counted
    running.house.logs.append(run, "build", "one\n")

    assert [read_event(stream)["data"] for stream in streams] == ["one\n"] * 40
    assert len(reads) <= 10
    assert "shipway_http_streams 40.0" in running.ask("GET", "/metrics").read().decode()
    for stream in streams:
        stream.close()


def test_a_follower_who_hangs_up_is_forgotten(running, headers):
    run = add_run(running.house)
    stream = running.ask("GET", f"/api/v1/runs/{run}/log?follow=1", **headers)
    read_event(stream)

    running.close()

    assert eventually(lambda: "shipway_http_streams 0.0" in running.ask("GET", "/metrics").read().decode())


def test_a_stream_that_may_not_be_seen_is_refused_like_any_call(running, house):
    run = add_run(house)

    assert running.ask("GET", f"/api/v1/runs/{run}/log?follow=1").status == 401
    assert running.ask("GET", "/api/v1/runs/999/log?follow=1", **house.token("viewer")).status == 404
    assert (
        running.ask("GET", f"/api/v1/runs/{run}/log?follow=1", **house.token("viewer", "blog")).status == 403
    )


def test_a_revoked_token_ends_its_streams(running, house, monkeypatch):
    monkeypatch.setattr(followers, "RECHECK", 0.1)  # nobody waits half a minute in a test
    monkeypatch.setattr(followers, "QUIET", 0.1)
    run, headers = add_run(house), house.token("viewer", name="gone")
    stream = running.ask("GET", f"/api/v1/runs/{run}/log?follow=1", **headers)
    read_event(stream)

    house.store.tokens.revoke("gone")
    rest = stream.read()

    assert b"not known here" in rest


def test_when_there_are_too_many_streams_the_next_is_asked_to_come_later(running, headers, monkeypatch):
    monkeypatch.setattr(followers, "MOST", 0)

    answer = running.ask("GET", f"/api/v1/runs/{add_run(running.house)}/log?follow=1", **headers)

    assert answer.status == 503
    assert answer.getheader("Retry-After")


def test_an_open_stream_does_not_hold_up_the_end(running, headers):
    run = add_run(running.house)
    stream = running.ask("GET", f"/api/v1/runs/{run}/log?follow=1", **headers)
    read_event(stream)

    took = running.stop()

    assert took < 5
    assert b"Last-Event-ID" in stream.read()
