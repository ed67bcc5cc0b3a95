"""What the API answers to commands: one for each call."""

from typing import Any

STAGES = [
    {"name": "checkout", "status": "succeeded", "error": "", "detail": {}}
    | {"started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:01.500Z"},
    {"name": "build", "status": "failed", "error": "exit code 1.\nmore", "detail": {}}
    | {"started_at": "2026-01-01T00:00:02Z", "finished_at": "2026-01-01T00:00:04Z"},
    {"name": "test", "status": "skipped", "error": "", "detail": {"skipped": "no tests"}}
    | {"started_at": None, "finished_at": None},
]

RUN = {
    "id": 3,
    "service": "shop",
    "environment": "production",
    "ref": "main",
    "commit": "c" * 40,
    "status": "failed",
    "error": "exit code 1.",
    "stages": STAGES,
    "release": None,
    "deployment": None,
    "requested_by": "push:ada",
    "created_at": "2026-01-01T00:00:00Z",
}

WAITING = RUN | {"id": 6, "status": "queued", "waits": True, "error": ""}

TESTED = RUN | {
    "id": 5,
    "stages": [STAGES[0], STAGES[1] | {"name": "test", "attempts": 2}],
    "tests": {
        "commands": [
            {"name": "", "exit_code": 0, "seconds": 3.21, "attempts": 1},
            {"name": "lint", "exit_code": 2, "seconds": 0.5, "attempts": 2},
        ],
        "cases": [{"name": "a::b", "message": "1 != 2", "command": ""}],
    },
}

DEPLOYMENT = {
    "id": 7,
    "service": "shop",
    "environment": "production",
    "release": 2,
    "previous_release": 1,
    "reason": "push",
    "status": "rolled_back",
    "blocked": "",
    "error": "web-1: GET /healthz answered 503",
    "requested_by": "push:ada",
    "created_at": "2026-01-01T00:00:00Z",
    "settled": False,
    "until": None,
    "hosts": [{"host": "web-1", "phase": "failed", "error": "503", "until": None, "probes": []}],
    "events": [{"id": 1, "at": "2026-01-01T10:20:30Z", "kind": "x", "text": "starting", "host": "web-1"}],
}

PLACE = {
    "service": "shop",
    "environment": "production",
    "live": 1,
    "hosts": [
        {"host": "web-1", "reachable": True, "error": "", "drained": "it is drained (by ada)", "replicas": [
            {"release": 1, "index": 0, "state": "running", "address": "10.0.0.1:20000", "health": ""}]},
        {"host": "web-2", "reachable": False, "error": "no route", "drained": "", "replicas": []},
    ],
    "proxies": [{"proxy": "front", "host": "web-1", "error": "", "backends": [
        {"address": "10.0.0.1:20000", "state": "ready", "release": 1, "sessions": 4}]}],
    "load_balancer": "entry", "load_balancer_error": "", "members": [
        {"host": "web-1", "target": "i-1:80", "state": "parked", "ours": True, "weight": 0, "reason": "normal"}],
}  # fmt: skip

DELIVERY = {
    **{"id": 7, "forge": "gitlab", "forge_id": "f-1", "event": "push", "project": "acme/shop"},
    **{"services": ["shop"], "outcome": "accepted", "runs": [3], "ignored": "", "replay_of": None},
    "received_at": "2026-01-01T00:00:00Z",
}

SERVICES = {
    "services": [
        {
            "name": "shop",
            "repository": "https://git.example.com/shop.git",
            "poll": 60.0,
            "trouble": "it refused our credentials.",
            "trouble_since": "2026-01-01T00:00:00Z",
            "environments": [
                {"name": "production", "branches": ["main"], "tags": ["v*"], "hosts": ["web-1", "web-2"]}
                | {"live": 1, "active_deployment": 7, "replicas": 2, "domain": "shop.example.com"}
            ],
        }
    ]
}

GOER = {"kind": "image", "where": "web-1", "name": "r/shop:run-1", "service": "shop", "size": 5e8, "at": None} | {
    "goes": True, "why": "no release needs it", "frees": 5e8, "removed": False, "error": "",
}  # fmt: skip

STAYS = GOER | {"kind": "log", "name": "of run 9", "goes": False, "why": "younger than 90 days", "frees": 0}

PRUNED = {"dry_run": True, "things": [GOER, STAYS], "troubles": [], "goes": 1, "removed": 0, "frees": 5e8}

OVERVIEW = {
    "places": [
        {
            "service": "shop",
            "environment": "production",
            "condition": "sick",
            "why": "web-2 has 1 of 2 replicas",
        }
        | {"live": 1, "commit": "c" * 40, "ref": "main", "since": "2026-01-01T00:00:00Z", "run": None}
        | {"wanted": 4, "healthy": 3, "seats": [], "deployment": None},
        {"service": "shop", "environment": "test", "condition": "moving", "why": "", "commit": "", "ref": ""}
        | {"live": None, "since": None, "run": {"id": 3, "stage": "build", "waits": False}, "wanted": 0}
        | {"healthy": None, "seats": [], "deployment": None},
    ]
}

PLAN = {
    **{"service": "shop", "environment": "production", "release": 2, "planned": 2, "live": 1},
    "differences": [
        {
            "sign": "~",
            "what": "image",
            "before": "r/shop@sha256:" + "a" * 64,
            "after": "r/shop@sha256:" + "b" * 64,
        },
        {"sign": "+", "what": "env LOG", "before": "", "after": "debug"},
        {"sign": "-", "what": "secret DB_URL", "before": "", "after": ""},
    ],
    "hosts": [
        {"host": "web-1", "running": {"1": 2}, "wanted": 2},
        {"host": "web-2", "running": {"2": 1}, "wanted": 2},
    ],
    "steps": [
        {"host": "web-1", "text": "start 2 replicas", "why": "beside what runs there", "sign": "+"},
        {"host": "", "text": "watch all hosts for 10 s", "why": "", "sign": ""},
    ],
}


ROUTES: dict[str, Any] = {
    "POST /prune": PRUNED,
    "GET /runs": {"runs": [RUN], "next": None},
    "GET /runs/3": RUN,
    "GET /runs/8": RUN | {"id": 8, "environment": "", "merge_request": 5, "fork": True},
    "GET /runs/5": TESTED,
    "GET /runs/6": WAITING,
    "POST /runs/6/approve": {"run": 6, "status": "queued"},
    "GET /runs/5/artifacts": {"artifacts": [{"path": "out/a.html", "size": 8}]},
    "GET /runs/5/artifacts/out/a%20b.html": "kept",
    "POST /runs/3/cancel": {"run": 3, "status": "running"},
    "POST /runs/3/retry": {"run": 4, "status": "queued"},
    "GET /deployments": {"deployments": [DEPLOYMENT], "next": None},
    "GET /deployments/7": DEPLOYMENT,
    "POST /deployments/7/promote": {"deployment": 7, "request": "promote"},
    "POST /deployments/7/retry": {"deployment": 7},
    "POST /deployments/7/abort": {"deployment": 7, "request": "abort"},
    "GET /services": SERVICES,
    "GET /services/shop/environments/production": PLACE,
    "GET /hosts": {
        "hosts": [
            {
                "name": "web-1",
                "engine": "tcp://x",
                "address": "x",
                "reachable": None,
                "free_bytes": 5e9,
                "error": "",
                "drained": "it is drained (by ada: a new kernel)",
                "region": "hz",
                "labels": {"role": "web"},
                "joined": {
                    "provider": "aliyun",
                    "instance": "i-7",
                    "size": "ecs.c7.large",
                    "engine_version": "27.1",
                    "pool": "web",
                    "protected": True,
                },
            },
            {
                "name": "web-9",
                "engine": "agent:web-9",
                "address": "10.9.0.4",
                "reachable": True,
                "free_bytes": 5e9,
                "error": "",
                "drained": "",
                "region": "",
                "labels": {},
                "joined": None,
                "agent": "connected since 2026-01-01 10:20:30 UTC, from 10.0.0.7:41234",
            },
        ]
    },
    "POST /hosts/invitations": {
        "token": "shwj_x",
        "expires_at": "2026-01-01T00:00:00Z",
        "line": "sh -c 'set -e'",
        "user_data": "#cloud-config\n",
    },
    "GET /hosts/web-1/checklist": {
        "host": "web-1",
        "checks": [{"name": "clock", "state": "warn", "text": "+9 s off ours", "mend": "`timedatectl`"}],
    },
    "POST /hosts/web-1/protect": {"host": "web-1", "protected": True},
    "POST /hosts/web-1/revoke": {"host": "web-1", "certificates": 2},
    "POST /hosts/web-1/remove": {"host": "web-1", "certificates": 2},
    "GET /releases": {
        "releases": [
            {"number": 2, "ref": "main", "commit": "c" * 40, "environment": "production"}
            | {"image": "r/shop@sha256:" + "d" * 64, "created_at": "2026-01-01T00:00:00Z"}
        ]
    },
    "GET /audit": {
        "entries": [
            {
                "at": "2026-01-01T00:00:00Z",
                "actor": "ada",
                "action": "rollback",
                "target": "shop",
                "detail": "{}",
            }
        ]
    },
    "GET /deliveries": {"deliveries": [DELIVERY, DELIVERY | {"id": 8, "runs": [], "ignored": "a ping"}]},
    "GET /deliveries/7": DELIVERY
    | {"headers": {"x-gitlab-event": "Push Hook"}, "body": '{"ref": 1}', "size": 10, "replays": [9]},
    "POST /deliveries/7/replay": {"delivery": 9, "replay_of": 7, "runs": [4]},
    "GET /overview": OVERVIEW,
    "GET /plan": PLAN,
    "GET /notices": {
        "notices": [
            {"id": 4, "target": "dingtalk:1", "event": "run.failed", "title": "shop: boom", "count": 3}
            | {"fate": "dead", "at": None, "error": "sign not match"}
        ],
        "waiting": 0,
        "dead": 1,
    },
    "GET /scaling": {
        "groups": [
            {"service": "shop", "environment": "production", "min": 1, "max": 8, "period": "", "replicas": 3}
            | {"verdict": "at-max", "reason": "cpu is 90 %", "looked_at": None}
            | {"measured": [{"measure": "cpu", "target": 60.0, "value": 90.0, "why": ""}]}
            | {
                "decisions": [
                    {"id": 1, "at": None, "verdict": "out", "before": 1, "after": 3}
                    | {"reason": "cpu is 184 %", "deployment": 7}
                ]
            }
        ]
    },
    "GET /services/shop/figures": {
        "service": "shop",
        "environments": [
            {"environment": "production", "deployments": 12, "deployments_per_day": 0.4, "failures": 1}
            | {"lead_seconds": {"median": 5400, "p95": 90000, "count": 12}, "failure_rate": 0.0769}
            | {"restore_seconds": {"median": 90, "p95": 90, "count": 1}}
        ],
        "stages": [{"stage": "build", "seconds": {"median": 42.5, "p95": 61, "count": 30}}],
    },
    "POST /services/shop/environments/production/rollback": {"deployment": 7},
    "POST /services/shop/environments/production/deployments": {"deployment": 7},
    "POST /services/shop/environments/production/scale": {"deployment": 7},
    "POST /services/shop/environments/production/runs": {"run": 3, "status": "queued"},
    "POST /hosts/web-1/drain": {"deployments": [7], "waiting": ["blog/production"]},
    "POST /hosts/web-2/drain": {"deployments": [], "waiting": ["shop/production"]},
    "POST /hosts/web-1/resume": {"deployments": [], "waiting": []},
    "POST /services/shop/move": {"deployments": [7], "waiting": []},
    "GET /tokens": {"tokens": [{"name": "ada", "role": "deployer", "scopes": ["shop"]}]},
    "POST /tokens": {"name": "bob", "role": "viewer", "scopes": [], "token": "shw_new"},
    "DELETE /tokens/bob": {"revoked": "bob"},
}
