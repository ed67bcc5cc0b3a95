"""A server group (`group`, sgp-…) of Aliyun's Application Load Balancer (`id`, alb-…; product Alb 2020-06-16).

A member is parked by weight 0 and stays in its group. Ours are those whose Description is `shipway/<entry>`. A change is
a job that goes on after the answer; it is waited for, since a group takes one at a time. It translates; when to call is
the rollout's.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Any
from uuid import uuid4, uuid5

from pipeline.errors import Rejected, Unreachable
from pipeline.fleet.balancer import Capabilities, LoadBalancer, Member, MemberState, Target
from runners.aliyun_api import AliyunApi
from runners.cloud_account import of_balancer
from runners.membership import Membership, Reading
from runners.patience import Patience

_VERSION = "2020-06-16"
_FULL = 100
_SETTLE = 5.0  # Aliyun publishes none; as for its classic one
_REQUEST = 60.0  # RequestTimeout of a listener, when it does not say
_JOB = 10.0  # seconds for one job; what takes longer is read anew by whoever asked for it
_MANY, _FEW = 100, 30  # the longest pages: of lists, and of health
_HEALTH = {
    "Unhealthy": MemberState.FAILING,
    "Initial": MemberState.STARTING,
    "Unused": MemberState.STARTING,  # what it said while the weight was 0
    "Unavailable": MemberState.STARTING,  # nobody checks
}
_WORST_FIRST = (MemberState.FAILING, MemberState.UNKNOWN, MemberState.STARTING)


class AliyunAlb(Membership):
    """Implements `pipeline.ports.Balancer`."""

    def __init__(self, entry: LoadBalancer, patience: Patience | None = None) -> None:
        super().__init__(entry, AlbWire(entry, AliyunApi(of_balancer(entry)), patience), patience)


class AlbWire:
    """Implements `runners.membership.Wire`."""

    batch = 40  # the API's limit for UpdateServerGroupServersAttribute; adding and removing take 200
    keeps_parked = True

    def __init__(self, entry: LoadBalancer, api: AliyunApi, patience: Patience | None = None) -> None:
        patience = patience or Patience()
        self._entry = entry
        self._api = api
        self._patience = replace(patience, deadline=min(_JOB, patience.deadline))
        self._mark = f"shipway/{entry.name}"
        self._turn = uuid4()

    # ------------------------------------------------------------------------------------------------ what it is

    def capabilities(self) -> Capabilities:
        return Capabilities(
            weights=True,
            native_drain=False,  # its connection draining is for removed and ill ones, not for weight 0
            health_while_parked=False,
            batch=self.batch,
            drain=max(
                (float(one.get("RequestTimeout") or _REQUEST) for one in self._listeners()), default=_REQUEST
            ),
            settle=_SETTLE,
            healthy_after=_healthy_after(self._group().get("HealthCheckConfig") or {}),
        )

    def read(self) -> Reading:
        """Two calls and one for each listener. The health names only those that are not well."""
        rows = self._servers()
        reports = list(self._reports())
        words = _words(reports)
        members = [self._member(row, reports, words.get(_target(row), [])) for row in rows]
        return Reading({member.target: member for member in members})

    def _member(self, row: dict[str, Any], reports: list[dict[str, Any]], words: list[str]) -> Member:
        weight, job = int(row.get("Weight", 0)), str(row.get("Status", ""))
        if not reports:
            words = [f"no listener and no rule of {self._entry.id} sends to {self._entry.group}"]
        health = _health(words, all(_checked(one) for one in reports)) if reports else MemberState.FAILING
        return Member(
            _target(row),
            _state(weight, job, health),
            ours=row.get("Description") == self._mark,
            weight=weight,
            reason=", ".join([*([job] if job != "Available" else []), *sorted(set(words))]),
        )

    def _servers(self) -> list[dict[str, Any]]:
        pages = self._pages("ListServerGroupServers", _MANY, ServerGroupId=self._entry.group)
        return [row for page in pages for row in page.get("Servers") or []]

    def _listeners(self) -> list[dict[str, Any]]:
        pages = self._pages("ListListeners", _MANY, **{"LoadBalancerIds.1": self._entry.id})
        return [row for page in pages for row in page.get("Listeners") or []]

    def _group(self) -> dict[str, Any]:
        pages = self._pages("ListServerGroups", _MANY, **{"ServerGroupIds.1": self._entry.group})
        for row in (row for page in pages for row in page.get("ServerGroups") or []):
            if row.get("ServerGroupId") == self._entry.group:
                return dict(row)
        raise Rejected(
            f"Load balancer {self._entry.name}: {self._entry.region} has no server group {self._entry.group} that its "
            "key may see. Correct `group` or `region` in shipway.yml, or the rights of the key: docs/load-balancers.md."
        )

    def _reports(self) -> Iterator[dict[str, Any]]:
        """What each listener and each of its rules that sends to this group says of its health."""
        for listener in self._listeners():
            values = {"ListenerId": listener["ListenerId"], "IncludeRule": "true"}
            for page in self._pages("GetListenerHealthStatus", _FEW, **values):
                senders = [*(page.get("ListenerHealthStatus") or []), *(page.get("RuleHealthStatus") or [])]
                for group in (group for one in senders for group in one.get("ServerGroupInfos") or []):
                    if group.get("ServerGroupId") == self._entry.group:
                        yield group

    def _pages(self, action: str, size: int, **values: object) -> Iterator[dict[str, Any]]:
        token = ""
        while True:
            more = {"NextToken": token} if token else {}
            page = self._ask(action, MaxResults=size, **values, **more)
            yield page
            token = str(page.get("NextToken") or "")
            if not token:
                return

    def _ask(self, action: str, **values: object) -> dict[str, Any]:
        return self._api.ask(f"alb.{self._entry.region}.aliyuncs.com", _VERSION, action, path="", **values)

    # ------------------------------------------------------------------------------------------------ what changes

    def check(self, target: Target) -> None:
        """Any id and port can be one."""

    def park(self, targets: Sequence[Target]) -> None:
        self._weigh("UpdateServerGroupServersAttribute", targets, 0)

    def admit(self, targets: Sequence[Target]) -> None:
        self._weigh("UpdateServerGroupServersAttribute", targets, _FULL)

    def add(self, targets: Sequence[Target]) -> None:
        self._weigh("AddServersToServerGroup", targets, _FULL)

    def remove(self, targets: Sequence[Target]) -> None:
        """With connection draining one is `Removing` for a while: it is not told twice."""
        going = {_target(row) for row in self._servers() if row.get("Status") == "Removing"}
        left = [one for one in targets if one not in going]
        if left:
            self._tell("RemoveServersFromServerGroup", [_named(one) for one in left])
            self._patience.retrying(lambda: self._check_done(left, ""))

    def adoption(self, targets: Sequence[Target]) -> str:
        ids = ", ".join(target.id for target in targets)
        return f"To hand it to Shipway, set the description of {ids} in server group {self._entry.group} to {self._mark}."

    def _weigh(self, action: str, targets: Sequence[Target], weight: int) -> None:
        """The description goes along each time, so that no change of the weight can lose it."""
        more = {"Weight": weight, "Description": self._mark}
        self._tell(action, [_named(one) | more for one in targets])
        self._patience.retrying(lambda: self._check_done(targets, "Available"))

    def _tell(self, action: str, rows: list[dict[str, object]]) -> None:
        """An order whose answer was lost is given again by the same token: then it is one order, not two."""
        turn, self._turn = self._turn, uuid4()
        values = {
            f"Servers.{at}.{key}": value for at, row in enumerate(rows, 1) for key, value in row.items()
        }
        token = str(uuid5(turn, json.dumps([action, rows])))
        try:
            self._ask(action, ServerGroupId=self._entry.group, ClientToken=token, **values)
        except Unreachable:
            self._turn = turn
            raise

    def _check_done(self, targets: Sequence[Target], wanted: str) -> None:
        """`wanted`: the status of each when the job has ended; empty: it is gone."""
        jobs = {_target(row): str(row.get("Status", "")) for row in self._servers()}
        left = [f"{one} is {jobs.get(one) or 'absent'}" for one in targets if jobs.get(one, "") != wanted]
        if left:
            raise Unreachable(
                f"Load balancer {self._entry.name}: {self._entry.group} still works on the change: {', '.join(left)}."
            )


def _target(row: dict[str, Any]) -> Target:
    return Target(str(row["ServerId"]), int(row.get("Port") or 0))


def _words(reports: Iterable[dict[str, Any]]) -> dict[Target, list[str]]:
    """Of those that are not well: one word from each listener and rule."""
    found: dict[Target, list[str]] = {}
    for row in (row for one in reports for row in one.get("NonNormalServers") or []):
        found.setdefault(_target(row), []).append(str(row.get("Status", "")))
    return found


def _checked(report: dict[str, Any]) -> bool:
    return str(report.get("HealthCheckEnabled", "on")).lower() not in ("off", "false")


def _health(words: Iterable[str], checked: bool) -> MemberState:
    """Every listener and rule must agree. With nobody who checks, no word is no proof."""
    found = {_HEALTH.get(word, MemberState.UNKNOWN) for word in words}
    found |= set() if checked else {MemberState.STARTING}
    return next((state for state in _WORST_FIRST if state in found), MemberState.SERVING)


def _state(weight: int, job: str, health: MemberState) -> MemberState:
    """While a job goes on, the data path may still follow what was before."""
    if job == "Removing":
        return MemberState.DRAINING
    if weight == 0:
        return MemberState.PARKED if job == "Available" else MemberState.DRAINING
    if job in ("Adding", "Configuring"):
        return MemberState.STARTING
    return health if job == "Available" else MemberState.UNKNOWN


def _healthy_after(check: dict[str, Any]) -> float:
    each = float(check.get("HealthCheckInterval") or 0) + float(check.get("HealthCheckTimeout") or 0)
    return each * float(check.get("HealthyThreshold") or 0)


def _named(target: Target) -> dict[str, object]:
    kind = _kind(target.id)
    address = {"ServerIp": target.id} if kind == "Ip" else {}
    return {"ServerId": target.id, "ServerType": kind, "Port": target.port, **address}


def _kind(server: str) -> str:
    """A network card begins with eni-, a container group with eci-; a group of addresses has addresses."""
    for beginning, kind in (("eni-", "Eni"), ("eci-", "Eci")):
        if server.startswith(beginning):
            return kind
    try:
        ip_address(server)
    except ValueError:
        return "Ecs"
    return "Ip"
