"""A run's log for its page: plain text by ranges of bytes, the index of its lines, a search, and the stream that follows.

All of it is asked for by the API's own calls first, which decide who may read which run.
"""

from flask import Response, jsonify, request

from pipeline.web.answers import RunAnswer
from pipeline.web.pages.arrival import still_signed_in
from pipeline.web.pages.log_excerpt import index_of, matches
from pipeline.web.pages.page import Resource
from pipeline.web.pages.visit import Visit
from pipeline.web.problems import BadRequest
from pipeline.web.runs import resume_at, stream
from pipeline.web.stream import LogFeed

LONGEST_SEARCH = 200  # characters


def plain(visit: Visit, run: int) -> Response:
    response = visit.ask(Response, "show_log", {}, run=run)
    if "download" in request.args:
        response.headers["Content-Disposition"] = f'attachment; filename="run-{run}.log"'
    return response


def follow(visit: Visit, run: int) -> Response:
    visit.ask(RunAnswer, "show_run", run=run)
    offset = request.args.get("offset", "0")
    if not (offset.isascii() and offset.isdigit() and len(offset) <= 18):
        raise BadRequest("`offset` is the byte from which on the log is followed: a number.")
    return stream(
        LogFeed(run, visit.ports), resume_at(int(offset)), visit.ports, still_signed_in(visit.ports)
    )


def index(visit: Visit, run: int) -> Response:
    found = visit.ask(RunAnswer, "show_run", run=run)
    return jsonify({**index_of(visit.logs.index(run)), "over": found.finished_at is not None})


def search(visit: Visit, run: int) -> Response:
    visit.ask(RunAnswer, "show_run", run=run)
    found = matches(visit.logs, run, request.args.get("q", "")[:LONGEST_SEARCH])
    return jsonify({"lines": found.lines, "more": found.more})


def artifact(visit: Visit, run: int, path: str) -> Response:
    return visit.ask(Response, "show_artifact", run=run, path=path)


RESOURCES = (
    Resource("/runs/<id:run>/log", plain),
    Resource("/runs/<id:run>/log/follow", follow),
    Resource("/runs/<id:run>/log/index", index),
    Resource("/runs/<id:run>/log/search", search),
    Resource("/runs/<id:run>/artifacts/<path:path>", artifact),
)
