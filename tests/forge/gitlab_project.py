"""What the fake GitLab keeps of one project, and its rules: transitions of a status, which pipeline it hangs on."""

import subprocess
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from tests.forge.git_http import git

Row = dict[str, Any]
IDS = count(100)
EVENTS = {  # of an external job's machine: state -> (event, states that it may come from)
    "pending": ("enqueue", {"created"}),
    "running": ("run", {"created", "pending"}),
    "success": ("success", {"created", "pending", "running"}),
    "failed": ("drop", {"created", "pending", "running"}),
    "canceled": ("cancel", {"created", "pending", "running"}),
    "skipped": ("skip", {"created", "pending"}),
}
DEPLOYED = {
    "running": ("run", {"created"}),
    "success": ("succeed", {"created", "running"}),
    "failed": ("drop", {"created", "running"}),
    "canceled": ("cancel", {"created", "running"}),
}
FINISHED = {"success", "failed", "canceled", "skipped"}


class Refusal(Exception):
    """What the API answers instead."""

    def __init__(self, status: int, message: Any, key: str = "message") -> None:
        super().__init__(message)
        self.status, self.body = status, {key: message}


@dataclass
class Project:
    """`statuses` holds every job that ever was; `shown` is what people see."""

    id: int
    path: str
    repository: Path
    hooks: list[Row] = field(default_factory=list)
    statuses: list[Row] = field(default_factory=list)
    pipelines: list[Row] = field(default_factory=list)
    environments: list[Row] = field(default_factory=list)
    deployments: list[Row] = field(default_factory=list)
    requests: list[Row] = field(default_factory=list)
    notes: list[Row] = field(default_factory=list)

    def shown(self, commit: str) -> dict[str, str]:
        """Name -> state, the newest job of each."""
        return {row["name"]: row["status"] for row in self.statuses if row["sha"] == commit}

    def deployed(self) -> list[tuple[str, str, str]]:
        """(environment, commit, status), the oldest first."""
        return [(row["environment"]["name"], row["sha"], row["status"]) for row in self.deployments]

    def open_request(self, source: str, commit: str, target: str = "main") -> Row:
        row = {
            "id": next(IDS),
            "iid": len(self.requests) + 1,
            "state": "opened",
            "project_id": self.id,
            "source_project_id": self.id,
            "target_project_id": self.id,
            "source_branch": source,
            "target_branch": target,
            "sha": commit,
            "merge_commit_sha": None,
        }
        self.requests.append(row)
        return row

    def set_status(self, commit: str, user: str, given: Row) -> Row:
        ref, name, state = given.get("ref") or "main", given.get("name") or "default", given["state"]
        pipeline = self._pipeline(commit, ref, given.get("pipeline_id"))
        old = [s for s in self.statuses if s["pipeline_id"] == pipeline["id"] and s["name"] == name]
        job = old[-1] if old else None
        if job is None or job["author"]["username"] != user or _again(job["status"], state):
            job = {"id": next(IDS), "sha": commit, "ref": ref, "name": name, "status": "created"}
            job |= {"author": {"username": user}, "pipeline_id": pipeline["id"]}
            self.statuses.append(job)
        job["status"] = moved(EVENTS, job["status"], state)
        job |= {key: given.get(key) for key in ("target_url", "description")}
        pipeline["status"] = self._verdict(pipeline["id"])
        pipeline["history"].append(pipeline["status"])
        return job

    def _pipeline(self, commit: str, ref: str, wanted: int | None) -> Row:
        mine = [p for p in self.pipelines if (p["sha"], p["ref"]) == (commit, ref)]
        if wanted is not None:
            mine = [p for p in mine if p["id"] == wanted]
            if not mine:
                raise Refusal(404, "404 Pipeline for pipeline_id, sha and ref Not Found")
        if not mine:
            fresh = {"id": next(IDS), "sha": commit, "ref": ref, "source": "external", "history": []}
            self.pipelines.append(fresh)
            return fresh
        return mine[-1]

    def _verdict(self, pipeline: int) -> str:
        states = {s["name"]: s["status"] for s in self.statuses if s["pipeline_id"] == pipeline}.values()
        for state in ("running", "pending", "failed", "canceled"):
            if state in states:
                return state
        return "success"

    def environment(self, name: str) -> Row:
        for row in self.environments:
            if row["name"] == name:
                return row
        row = {"id": next(IDS), "name": name, "slug": name, "external_url": None, "state": "available"}
        self.environments.append(row)
        return row

    def commit(self, message: str, branch: str = "main", parent: str = "") -> str:
        """A commit made on the server, without a push."""
        tree = git(self.repository, "hash-object", "-t", "tree", "-w", "/dev/null")
        names = [f"{who}_{what}=Ada" for who in ("author", "committer") for what in ("name", "email")]
        environ = {f"GIT_{name.upper()}": value for name, value in (pair.split("=") for pair in names)}
        words = ["git", "--git-dir", str(self.repository), "commit-tree", "-m", message, tree]
        words += ["-p", parent] if parent else []
        done = subprocess.run(words, env=environ, capture_output=True, text=True, check=True)
        git(self.repository, "update-ref", f"refs/heads/{branch}", done.stdout.strip())
        return done.stdout.strip()


def moved(table: dict[str, tuple[str, set[str]]], old: str, new: str) -> str:
    event, allowed = table[new]
    if old not in allowed:
        raise Refusal(400, f"Cannot transition status via :{event} from :{old}")
    return new


def _again(old: str, new: str) -> bool:
    """A job that is over and gets another state is retried: a new one hides it."""
    return old in FINISHED and old != new
