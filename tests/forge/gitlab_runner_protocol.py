"""GitLab's side of what runners say themselves: verify, ask for jobs, send traces, end jobs. After GitLab Runner's `network`."""

import json
import re
import secrets
import time
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.forge.gitlab_project import Refusal, Row
from tests.forge.gitlab_runners import Answer, Job, Runners

if TYPE_CHECKING:
    from tests.forge.gitlab import FakeGitLab

INFO = {
    "name",
    "version",
    "revision",
    "platform",
    "architecture",
    "executor",
    "shell",
    "features",
    "config",
    "labels",
}


FEATURES = {
    "variables", "image", "services", "artifacts", "cache", "shared", "upload_multiple_artifacts",
    "upload_raw_artifacts", "session", "terminal", "refspecs", "masking", "proxy", "raw_variables",
    "artifacts_exclude", "multi_build_steps", "trace_reset", "trace_checksum", "trace_size", "vault_secrets",
    "cancelable", "return_exit_code", "service_variables", "service_multiple_aliases", "cancel_gracefully",
}  # fmt: skip


VERIFY = {"token", "system_id", "info"}


REQUEST = {"token", "system_id", "info", "last_update", "session", "job_age"}


UPDATE = {
    "token",
    "info",
    "state",
    "checksum",
    "failure_reason",
    "output",
    "exit_code",
    "runtime_environment_key",
}


SYSTEM_ID = re.compile(r"[sr]_[0-9a-zA-Z]{12}")


PROTOCOL = {
    ("POST", "/runners/verify"), ("DELETE", "/runners"), ("POST", "/jobs/request"),
}  # fmt: skip


OF_JOB = re.compile(r"/jobs/(\d+)(/trace)?")


def is_protocol(method: str, target: str) -> bool:
    path = urlsplit(target).path.removeprefix("/api/v4")
    return (method, path) in PROTOCOL or (method in ("PATCH", "PUT") and bool(OF_JOB.fullmatch(path)))


def speak(server: "FakeGitLab", method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
    path = urlsplit(target).path.removeprefix("/api/v4")
    runners = server.runners
    of_job = OF_JOB.fullmatch(path)
    if of_job and of_job[2]:
        return _trace(runners, int(of_job[1]), headers, body)
    given: Row = json.loads(body) if body else {}
    if of_job:
        return _finish(runners, int(of_job[1]), given)
    row = _authenticated(runners, given)
    if (method, path) == ("DELETE", "/runners"):
        del runners.rows[row["id"]]
        return 204, None, {}
    if path == "/runners/verify":
        _known(given, VERIFY)
        return 200, {"id": row["id"], "token": row["token"], "token_expires_at": None}, {}
    return _request(runners, row, given)


def _known(given: Row, names: set[str]) -> None:
    for name in given.keys() - names:
        raise Refusal(400, f"{name} is unknown to this fake; GitLab would ignore it", "error")
    if given.get("system_id") and not SYSTEM_ID.fullmatch(given["system_id"]):
        raise Refusal(400, "system_id is not of the form that runners make", "error")
    for name in given.get("info", {}).keys() - INFO:
        raise Refusal(400, f"info[{name}] is unknown to this fake", "error")
    for name in given.get("info", {}).get("features", {}).keys() - FEATURES:
        raise Refusal(400, f"info[features][{name}] is unknown to this fake", "error")


def _authenticated(runners: Runners, given: Row) -> Row:
    if not given.get("token"):
        raise Refusal(400, "token is missing", "error")
    for row in runners.rows.values():
        if secrets.compare_digest(row["token"], given["token"]):
            return row
    raise Refusal(403, "403 Forbidden")


def _request(runners: Runners, row: Row, given: Row) -> Answer:
    _known(given, REQUEST)
    row["contacted_at"] = time.time()
    row["managers"][given.get("system_id", "")] = given.get("info", {}).get("version")
    fit = [job for job in runners.jobs if job.status == "pending" and _takes(row, job)]
    if row["paused"] or not fit:
        return 204, None, {"X-GitLab-Last-Update": row["queue_value"]}
    job = fit[0]
    job.status, job.runner, job.system_id = "running", row["id"], given.get("system_id", "")
    return 201, _payload(job), {}


def _takes(row: Row, job: Job) -> bool:
    return job.tags <= set(row["tag_list"]) if job.tags else bool(row["run_untagged"])


def _payload(job: Job) -> Row:
    step = {
        "name": "script",
        "script": job.script,
        "timeout": 3600,
        "when": "on_success",
        "allow_failure": False,
    }
    return {
        "id": job.id,
        "token": job.token,
        "allow_git_fetch": True,
        "job_info": {"name": job.name, "stage": "test", "project_id": 41, "project_name": "shop"},
        "git_info": {
            "repo_url": "",
            "ref": "main",
            "sha": "0" * 40,
            "ref_type": "branch",
            "refspecs": [],
            "depth": 0,
        },
        "runner_info": {"timeout": 3600, "runner_session_url": None},
        "variables": [
            {"key": "CI_JOB_ID", "value": str(job.id), "public": True, "file": False, "masked": False}
        ],
        "steps": [step],
        "image": None,
        "services": [],
        "artifacts": [],
        "cache": [],
        "credentials": [],
        "dependencies": [],
        "features": {"trace_sections": True},
    }


def _job(runners: Runners, number: int, token: str | None) -> Job:
    job = next((job for job in runners.jobs if job.id == number), None)
    if job is None or job.token != token or job.status != "running":
        raise Refusal(403, "403 Forbidden")
    return job


def _trace(runners: Runners, number: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """The range's end is inclusive with the official runner; another one counts it otherwise, so the start decides."""
    job = _job(runners, number, headers.get("JOB-TOKEN"))
    found = re.fullmatch(r"(\d+)-(\d+)", headers.get("Content-Range", ""))
    if not found or headers.get("Content-Type", "").partition(";")[0] != "text/plain":
        raise Refusal(400, "400 Missing header Content-Range", "error")
    if int(found[1]) != len(job.trace):
        return 416, {"error": "416 Range Not Satisfiable"}, {"Range": f"0-{len(job.trace)}"}
    job.trace += body
    after = {"Job-Status": job.status, "Range": f"0-{len(job.trace)}", "X-GitLab-Trace-Update-Interval": "3"}
    return 202, None, after


def _finish(runners: Runners, number: int, given: Row) -> Answer:
    job = _job(runners, number, given.get("token"))
    _known(given, UPDATE)
    if given.get("state") not in ("running", "success", "failed"):
        raise Refusal(400, "Unknown parameters")
    over, output = given["state"] != "running", given.get("output") or {}
    kept = {"checksum": f"crc32:{zlib.crc32(job.trace):08x}", "bytesize": len(job.trace)}
    if over and output and output != kept:
        return 412, {"message": "412 Precondition Failed"}, {}
    if over:
        job.status, job.failure = given["state"], given.get("failure_reason", "")
        job.exit_code = given.get("exit_code")
    return 200, 200, {"X-GitLab-Trace-Update-Interval": "3"}
