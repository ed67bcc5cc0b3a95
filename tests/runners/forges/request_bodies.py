"""Merge and pull requests in small, of every forge: number 3, of COMMIT, into main."""

from typing import Any

from pipeline.intake.push import Hook
from tests.runners.forges.bodies import COMMIT, read

ME, FORK = {"id": 1}, {"id": 2}
ZEROS = "0" * 40
Body = dict[str, Any]


def pull(
    action: str,
    desc: str = "",
    source: Any = ME,
    number: Any = 3,
    commit: Any = COMMIT,
    branch: str = "shop",
) -> Body:
    """GitHub, Gitea, Forgejo, Gitee."""
    return {
        "action": action,
        "action_desc": desc or None,
        "pull_request": {
            "number": number,
            "title": "Add a shop",
            "head": {"ref": branch, "sha": commit, "repo": source},
            "base": {"ref": "main", "sha": "b" * 40, "repo": ME},
        },
        "repository": {"full_name": "acme/shop"},
        "sender": {"login": "ada"},
    }


def merge(action: str, source: Any = 1, **attributes: Any) -> Body:
    """GitLab, Codeup."""
    asked = {
        "action": action,
        "iid": 3,
        "title": "A shop",
        "source_branch": "shop",
        "target_branch": "main",
        "source_project_id": source,
        "target_project_id": 1,
        "last_commit": {"id": COMMIT, "message": "Add a shop"},
    }
    return {
        "object_kind": "merge_request",
        "user": {"username": "ada"},
        "project": {"path_with_namespace": "acme/shop"},
        "repository": {"git_http_url": "https://codeup.aliyun.com/acme/shop.git"},
        "object_attributes": asked | attributes,
    }


def cloud(source: Any = "{1}", commit: str = COMMIT[:12]) -> Body:
    repository = {"full_name": "acme/shop", "uuid": "{1}"}
    return {
        "actor": {"nickname": "ada"},
        "repository": repository,
        "pullrequest": {
            "id": 3,
            "title": "Add a shop",
            "source": {
                "branch": {"name": "shop"},
                "commit": {"hash": commit},
                "repository": source and {"full_name": "x/y", "uuid": source},
            },
            "destination": {"branch": {"name": "main"}, "repository": repository},
        },
    }


def data_center(source: Any = 1, commit: str = COMMIT) -> Body:
    def side(number: Any, ref: str) -> Body:
        repository = {"slug": "shop", "project": {"key": "acme"}, "id": number}
        return {"id": f"refs/heads/{ref}", "latestCommit": commit, "repository": repository}

    return {
        "actor": {"name": "ada"},
        "pullRequest": {
            "id": 3,
            "title": "Add a shop",
            "fromRef": side(source, "shop"),
            "toRef": side(1, "main"),
        },
    }


EVENTS = {
    "github": {"x-github-event": "pull_request"},
    "gitea": {"x-gitea-event": "pull_request"},
    "forgejo": {"x-forgejo-event": "pull_request", "x-gitea-event": "pull_request"},
    "gitee": {"x-gitee-event": "Merge Request Hook"},
    "gitlab": {"x-gitlab-event": "Merge Request Hook"},
    "codeup": {"x-codeup-event": "Merge Request Hook"},
}
OPENED = {
    "github": pull("opened"),
    "gitea": pull("opened"),
    "forgejo": pull("opened"),
    "gitee": pull("open"),
    "gitlab": merge("open"),
    "codeup": merge("open"),
    "bitbucket": cloud(),
    "bitbucket-dc": data_center(),
}
REFS = {
    "gitlab": "refs/merge-requests/3/head",
    "codeup": "refs/merge-requests/3/head",
    "bitbucket": "refs/heads/shop",
    "bitbucket-dc": "refs/pull-requests/3/from",
}


def told(name: str, body: Body, event: str = "") -> Hook:
    if name.startswith("bitbucket"):
        event = event or {"bitbucket": "pullrequest:created", "bitbucket-dc": "pr:opened"}[name]
        return read(name, body, **{"x-event-key": event})
    return read(name, body, **EVENTS[name])
