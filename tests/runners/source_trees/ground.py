"""What checkouts are tested with: commits of an origin, and a checkout that tells its folder."""

from pathlib import Path

from pipeline.fleet.service import Repository

TOKEN = "s3cr3t-t0ken"
SPY = """#!/bin/sh
printf '%s\\n' "$@" >> {log}
exec {git} "$@"
"""


def never():
    return False


def pushed(origin, files=None, name="main", **more):
    commit = origin.commit(files or {"Dockerfile": "FROM x\n"}, **more)
    origin.branch(name, commit)
    return commit


def check_out(source, origin, commit, run_id=7, repository=None, told=None):
    lines = [] if told is None else told
    return Path(
        source.checkout(repository or Repository(origin.url), commit, "main", run_id, lines.append, never)
    )
