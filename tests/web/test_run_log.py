"""The log of a run: read from any byte, by ranges, and followed."""

import pytest

from tests.web.test_runs import add
from tests.web.test_runs import headers as headers


def test_the_log_is_text_from_any_byte(client, house, headers):
    number = add(house)
    house.logs.append(number, "checkout", "one\ntwo\n")
    house.logs.append(number, "build", "three\n")

    whole = client.get(f"/api/v1/runs/{number}/log", headers=headers)
    rest = client.get(f"/api/v1/runs/{number}/log?offset=4", headers=headers)

    assert whole.mimetype == "text/plain"
    assert whole.text == "one\ntwo\nthree\n"
    assert rest.text == "two\nthree\n"


LINES = "öne\nt€o\n🚀\n"


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("offset", range(len(LINES.encode()) + 1))
def test_the_log_is_read_on_from_every_byte_by_offset_and_by_range(client, house, headers, offset, closed):
    number, data = add(house), LINES.encode()
    house.logs.append(number, "checkout", LINES[:5])
    house.logs.append(number, "build", LINES[5:])
    for stage in ("checkout", "build")[: 2 if closed else 0]:
        house.logs.close(number, stage)
    path = f"/api/v1/runs/{number}/log"

    by_offset = client.get(f"{path}?offset={offset}", headers=headers)
    by_range = client.get(path, headers=headers | {"Range": f"bytes={offset}-"})

    assert by_offset.data == data[offset:]
    if offset == len(data):
        assert by_range.status_code == 416
        assert f"has {offset} bytes so far" in by_range.json["detail"]
        return
    assert (by_range.status_code, by_range.data) == (206, data[offset:])
    assert by_range.headers["Content-Range"] == f"bytes {offset}-{len(data) - 1}/{len(data)}"
    assert by_range.headers["Content-Length"] == str(len(data) - offset)


@pytest.mark.parametrize(
    ("asked", "status", "text"),
    [
        ("bytes=2-4", 206, "234"),
        ("bytes=-3", 206, "789"),
        ("bytes=8-99", 206, "89"),
        ("bytes=0-1,4-5", 200, "0123456789"),
        ("lines=0-1", 200, "0123456789"),
        ("bytes=x", 200, "0123456789"),
    ],
)
def test_ranges_are_obeyed_as_http_says(client, house, headers, asked, status, text):
    number = add(house)
    house.logs.append(number, "build", "0123456789")

    answer = client.get(f"/api/v1/runs/{number}/log", headers=headers | {"Range": asked})

    assert (answer.status_code, answer.text, answer.headers["Accept-Ranges"]) == (status, text, "bytes")


def test_a_followed_log_ends_with_the_run(client, house, headers):
    number = add(house)
    house.logs.append(number, "checkout", "one\n")
    house.ports.runs.cancel(number)

    answer = client.get(f"/api/v1/runs/{number}/log?follow=1", headers=headers)

    assert answer.mimetype == "text/event-stream"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert (
        answer.text
        == 'retry: 1000\n\nid: 4\ndata: one\ndata: \n\nid: 4\nevent: end\ndata: {"status": "cancelled"}\n\n'
    )


def test_a_follower_resumes_where_it_was_cut_off(client, house, headers):
    number = add(house)
    house.logs.append(number, "checkout", "one\ntwo\n")
    house.ports.runs.cancel(number)

    answer = client.get(
        f"/api/v1/runs/{number}/log", headers=headers | {"Last-Event-ID": "4", "Accept": "text/event-stream"}
    )

    assert "data: two\n" in answer.text
    assert "one" not in answer.text


@pytest.mark.parametrize("last", ["x", "-4", "4.5", "٣", "9" * 30])
def test_a_resume_mark_that_is_none_of_ours_is_refused(client, house, headers, last):
    marked = headers | {"Last-Event-ID": last.encode().decode("latin1")}

    assert client.get(f"/api/v1/runs/{add(house)}/log?follow=1", headers=marked).status_code == 400
