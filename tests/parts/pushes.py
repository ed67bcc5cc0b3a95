"""Pushes to a running Shipway as the post-receive hook tells of them, and looks at what became of them.

run = begun(house, shop, "v2"); deployment = deployment_of(house, run)     told, and not waited for
run = pushed(house, shop, "v2", bad="health")                              told, and waited for
"""

import hashlib
import hmac
import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from tests.parts.house import House
from tests.parts.repository import SampleRepository

Facts = dict[str, Any]
MOMENT = 0.1  # seconds; phases and stages are over soon


def signed(
    house: House, commit: str, ref: str = "refs/heads/main", secret: str = ""
) -> tuple[bytes, dict[str, str]]:
    """A delivery as the post-receive hook sends it."""
    update = {"ref": ref, "before": "0" * 40, "after": commit}
    body = json.dumps(
        {"project": house.service, "delivery": commit + ref, "pusher": "ada", "updates": [update]}
    ).encode()
    stamp = str(int(time.time()))
    proof = hmac.new(
        (secret or house.secret).encode(), stamp.encode() + b"." + body, hashlib.sha256
    ).hexdigest()
    return body, {"X-Shipway-Signature": f"sha256={proof}", "X-Shipway-Timestamp": stamp}


def begun(
    house: House, shop: SampleRepository, version: str, bad: str = "", branch: str = "main", **files: str
) -> int:
    """Commit, push, and tell Shipway as the hook would; the run's id."""
    commit = shop.commit(version, bad, **files)
    shop.push(branch)
    body, headers = signed(house, commit, f"refs/heads/{branch}")
    status, answer = house.call("POST", "/hooks/git", body, headers)
    assert status == 202, answer
    return int(answer["runs"][0])


def pushed(house: House, shop: SampleRepository, version: str, bad: str = "", **files: str) -> Facts:
    """`begun`, and at its end."""
    return house.finished_run(begun(house, shop, version, bad, **files))


# ------------------------------------------------------------------------------------------------ on its way


def arrived(
    house: House,
    path: str,
    there: Callable[[Facts], bool],
    what: str,
    seconds: float = 60,
    seldom: float = MOMENT,
) -> Facts:
    """What the API says at `path`, once it is `there`. `seldom`: between two questions, for what does not pass soon."""
    last: Facts = {}

    def look() -> bool:
        last.update(house.get(path))
        return there(last)

    house.until(f"{path} {what}", look, seconds, lambda: f"it stands at {last}\n{house.log()}", seldom)
    return last


def deployment_of(house: House, run: int, seconds: float = 60) -> int:
    """Of this run, as soon as there is one."""
    found = arrived(house, f"/runs/{run}", lambda r: bool(r["deployment"] or r["error"]), "deploys", seconds)
    assert found["deployment"] is not None, found
    return int(found["deployment"])


def in_stage(house: House, run: int, name: str) -> Facts:
    """Once this stage is at work."""

    def there(facts: Facts) -> bool:
        assert facts["status"] in {"queued", "running"}, facts
        return (name, "running") in {(stage["name"], stage["status"]) for stage in facts["stages"]}

    return arrived(house, f"/runs/{run}", there, f"is in {name}")


def in_phase(house: House, deployment: int, *phases: str, host: str = "") -> Facts:
    """Once a host (this one) is in one of these phases."""

    def there(facts: Facts) -> bool:
        return any(h["phase"] in phases and host in ("", h["host"]) for h in facts["hosts"])

    what = f"has {host or 'a host'} in {' or '.join(phases)}"
    return arrived(house, f"/deployments/{deployment}", there, what)


def history(deployment: Facts, host: str) -> list[str]:
    """What happened to this host so far, in a word each: its phases, `lost`, `found`."""
    return [event["kind"] for event in deployment["events"] if event["host"] == host]


def reached(house: House, deployment: int, kind: str, host: str, times: int = 1) -> Facts:
    """Once this stands in the host's history; unlike `in_phase` it misses nothing that is over soon."""
    where = f"/deployments/{deployment}"
    return arrived(house, where, lambda d: history(d, host).count(kind) >= times, f"tells {kind} of {host}")


def in_status(house: House, deployment: int, *statuses: str, seconds: float = 60) -> Facts:
    where = f"/deployments/{deployment}"
    return arrived(house, where, lambda d: d["status"] in statuses, f"is {' or '.join(statuses)}", seconds)


# ------------------------------------------------------------------------------------------------ what serves


def live_release(house: House) -> int | None:
    found = house.get(house.environment)
    return found["live"]["number"] if isinstance(found["live"], dict) else found["live"]


def version(front: str) -> str:
    with urllib.request.urlopen(f"http://{front}/", timeout=5) as answer:
        return str(answer.headers["X-Version"])


def versions(house: House, *fronts: str) -> set[str]:
    """What users get, asked often enough to meet every replica."""
    return {version(front) for front in fronts or house.fronts for _ in range(4)}


def told(house: House, run: Facts) -> tuple[str, str, str]:
    """What the run, its deployment and its log say went wrong."""
    deployment = house.get(f"/deployments/{run['deployment']}")
    log = house.call("GET", f"/api/v1/runs/{run['id']}/log")[1]
    return run["error"], deployment["error"], log


def releases_on(house: House) -> set[str]:
    """Numbers of the releases of which there are containers on any host, running or not."""
    found = [c for host in house.lab.hosts for c in house.lab.containers(host.engine, service=house.service)]
    return {container["Labels"]["shipway.release"] for container in found}
