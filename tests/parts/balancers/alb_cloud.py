"""Aliyun's application load balancers in memory, product Alb 2020-06-16: the actions that Shipway calls, as strict as the
documentation says, over a data path that carries real requests. A change is a job: until it ends the group takes no
other, and lists and data path have what was before.

Error codes are Aliyun's where its documentation or other tools name them; ResourceAlreadyExist.Server is this fake's
choice.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from tests.parts.balancers.alb_requests import limit, order, place, place_of, servers_of
from tests.parts.balancers.aliyun_signature import ApiError
from tests.parts.balancers.data_plane import Manner, Plane, Pool

VERSION = "2020-06-16"
Values = dict[str, str]
Row = dict[str, Any]
_WORDS = {"initial": "Initial", "unhealthy": "Unhealthy", "draining": "Unavailable"}
CHECK: Row = {
    "HealthCheckEnabled": True,
    "HealthCheckInterval": 2,
    "HealthCheckTimeout": 5,
    "HealthyThreshold": 3,
    "UnhealthyThreshold": 3,
    "HealthCheckMethod": "HEAD",
}


@dataclass
class AlbListener:
    """`group`: where its default action sends; `rules`: where its rules send."""

    id: str
    group: str = ""
    rules: tuple[str, ...] = ()
    request_timeout: int = 60


@dataclass
class ServerGroup:
    """`drain`: its ConnectionDrainTimeout; 0: off. `jobs`: under way, none or one."""

    id: str
    pool: Pool
    check: Row = field(default_factory=lambda: dict(CHECK))
    drain: float = 0.0
    jobs: int = 0
    servers: dict[tuple[str, int], Row] = field(default_factory=dict)


class AlbCloud:
    """`addresses`: where a machine really is. `stopped`: machines that are not Running. `odd`: those of whose health it
    says what nobody knows. `busy`: seconds that a job takes. `page`: the most in one page, whatever is asked for."""

    version = VERSION

    def __init__(self, plane: Plane, manner: Callable[[], Manner] = Manner) -> None:
        self.version = VERSION
        self.plane = plane
        self.manner = manner
        self.listeners: dict[str, list[AlbListener]] = {}
        self.groups: dict[str, ServerGroup] = {}
        self.addresses: dict[str, tuple[str, int]] = {}
        self.stopped: set[str] = set()
        self.odd: set[str] = set()
        self.busy = 0.05
        self.page = 20
        self.calls: list[tuple[str, str]] = []
        self.lock = RLock()
        self._orders: dict[str, tuple[object, Row]] = {}

    # ------------------------------------------------------------------------------------------------ what tests make

    def add_alb(self, alb: str, *listeners: AlbListener) -> None:
        self.listeners[alb] = list(listeners)

    def add_group(self, group: str) -> ServerGroup:
        self.groups[group] = ServerGroup(group, self.plane.pool(group, self.manner))
        return self.groups[group]

    # ------------------------------------------------------------------------------------------------ actions

    def act(self, action: str, values: Values) -> Row:
        with self.lock:
            if action in READS:
                return READS[action](self, values)
            if action not in CHANGES:
                raise ApiError(404, "InvalidAction.NotFound", f"Specified api {action} is not found.")
            return self._once(action, values)

    def _once(self, action: str, values: Values) -> Row:
        """The same order by the same token is done once, and answered twice."""
        token, said = values.get("ClientToken", ""), order(values)
        if len(token) > 64 or not token.isascii():
            raise ApiError(400, "IllegalParam.ClientToken", "The param of ClientToken is illegal.")
        if token in self._orders:
            before, answer = self._orders[token]
            if before != said:
                raise ApiError(
                    400, "IdempotenceSignatureMismatch", "The token is the same, the signature is different."
                )
            return answer
        answer = CHANGES[action](self, values)
        if token:
            self._orders[token] = (said, answer)
        return answer

    def list_servers(self, values: Values) -> Row:
        group = self._group(values)
        rows = [{**row, "ServerGroupId": group.id} for row in group.servers.values()]
        return self._paged("Servers", rows, values, 100)

    def list_groups(self, values: Values) -> Row:
        wanted = {value for key, value in values.items() if key.startswith("ServerGroupIds.")}
        rows = [
            {
                "ServerGroupId": group.id,
                "ServerGroupStatus": "Configuring" if group.jobs else "Available",
                "HealthCheckConfig": group.check,
                "ConnectionDrainConfig": {"ConnectionDrainEnabled": group.drain > 0},
            }
            for group in self.groups.values()
            if not wanted or group.id in wanted
        ]
        return self._paged("ServerGroups", rows, values, 100)

    def list_listeners(self, values: Values) -> Row:
        """No word about a load balancer that is not there: an empty list."""
        wanted = [value for key, value in values.items() if key.startswith("LoadBalancerIds.")]
        rows = [
            {"ListenerId": one.id, "LoadBalancerId": alb, "RequestTimeout": one.request_timeout}
            for alb in wanted
            for one in self.listeners.get(alb, [])
        ]
        return self._paged("Listeners", rows, values, 100)

    def listener_health(self, values: Values) -> Row:
        """Those that are not normal; of rules only when asked. Pages are of rules."""
        found = [one for part in self.listeners.values() for one in part if one.id == values["ListenerId"]]
        if not found:
            raise ApiError(
                404, "ResourceNotFound.Listener", "The specified resource of Listener is not found."
            )
        rules = found[0].rules if values.get("IncludeRule") == "true" else ()
        rows = [{"RuleId": f"rule-{at}", **self._sends(group)} for at, group in enumerate(rules)]
        answer = self._paged("RuleHealthStatus", rows, values, 30)
        return {
            "ListenerHealthStatus": [{"ListenerId": found[0].id, **self._sends(found[0].group)}],
            **answer,
        }

    def add(self, values: Values) -> Row:
        group, rows = self._group(values), servers_of(values, 200)
        for row in rows:
            if row["ServerId"] in self.stopped:
                raise ApiError(400, "IncorrectStatus.Ecs", "The status of Ecs is incorrect.")
            if place(row) in group.servers:
                raise ApiError(400, "ResourceAlreadyExist.Server", "The specified resource already exists.")
        self._begin(group)
        for row in rows:
            group.servers[place(row)] = {**row, "Status": "Adding"}

        def done() -> None:
            for row in rows:
                group.servers[place(row)]["Status"] = "Available"
                address = self.addresses.get(row["ServerId"], ("127.0.0.1", 9))
                group.pool.add(place_of(row), address, row["Weight"])

        return self._job(group, done)

    def update(self, values: Values) -> Row:
        group, rows = self._group(values), servers_of(values, 40)
        self._known(group, rows)
        self._begin(group)
        for row in rows:
            group.servers[place(row)]["Status"] = "Configuring"

        def done() -> None:
            for row in rows:
                group.servers[place(row)] = {**row, "Status": "Available"}
                group.pool.weigh(place_of(row), row["Weight"])

        return self._job(group, done)

    def remove(self, values: Values) -> Row:
        """Without connection draining, requests under way are cut."""
        group, rows = self._group(values), servers_of(values, 200)
        self._known(group, rows)
        self._begin(group)
        for row in rows:
            group.servers[place(row)]["Status"] = "Removing"
            group.pool.drop(place_of(row), group.drain)

        def done() -> None:
            for row in rows:
                group.servers.pop(place(row))

        return self._job(group, done, group.drain)

    # ------------------------------------------------------------------------------------------------ what they share

    def _group(self, values: Values) -> ServerGroup:
        if values["ServerGroupId"] not in self.groups:
            raise ApiError(
                404, "ResourceNotFound.ServerGroup", "The specified resource of ServerGroup is not found."
            )
        return self.groups[values["ServerGroupId"]]

    def _known(self, group: ServerGroup, rows: Sequence[Row]) -> None:
        for row in rows:
            if place(row) not in group.servers:
                raise ApiError(
                    404, "ResourceNotFound.BackendServer", f"{row['ServerId']} is not in the group."
                )

    def _begin(self, group: ServerGroup) -> None:
        if group.jobs:
            text = f"The status of servergroup [{group.id}] is incorrect."
            raise ApiError(400, "IncorrectStatus.ServerGroup", text)

    def _job(self, group: ServerGroup, done: Callable[[], None], longer: float = 0.0) -> Row:
        def end() -> None:
            with self.lock:
                done()
                group.jobs -= 1

        group.jobs += 1
        loop = self.plane.loop
        loop.call_soon_threadsafe(lambda: loop.call_later(self.busy + longer, end))
        return {"JobId": str(uuid.uuid4())}

    def _sends(self, group: str) -> Row:
        if group not in self.groups:
            return {"ServerGroupInfos": []}
        return {"ServerGroupInfos": [self._health(self.groups[group])]}

    def _health(self, group: ServerGroup) -> Row:
        checked = bool(group.check["HealthCheckEnabled"])
        rows = [
            {"ServerId": row["ServerId"], "Port": row["Port"], "Status": word, "Reason": {}}
            for row in group.servers.values()
            if (word := self._word(group, row, checked))
        ]
        return {
            "ServerGroupId": group.id,
            "HealthCheckEnabled": "on" if checked else "off",
            "NonNormalServers": rows,
        }

    def _word(self, group: ServerGroup, row: Row, checked: bool) -> str:
        """Empty: normal."""
        if row["ServerId"] in self.odd:
            return "Enchanted"
        if row["Weight"] == 0:
            return "Unused"
        return _WORDS.get(group.pool.state(place_of(row)), "") if checked else "Unavailable"

    def _paged(self, name: str, rows: Sequence[Row], values: Values, most: int) -> Row:
        size = min(limit(values, most), self.page)
        begin = int(values.get("NextToken", "0"))
        rest = {"NextToken": str(begin + size)} if begin + size < len(rows) else {}
        return {name: list(rows[begin : begin + size]), "TotalCount": len(rows), **rest}


READS: dict[str, Callable[[AlbCloud, Values], Row]] = {
    "ListServerGroupServers": AlbCloud.list_servers,
    "ListServerGroups": AlbCloud.list_groups,
    "ListListeners": AlbCloud.list_listeners,
    "GetListenerHealthStatus": AlbCloud.listener_health,
}
CHANGES: dict[str, Callable[[AlbCloud, Values], Row]] = {
    "AddServersToServerGroup": AlbCloud.add,
    "UpdateServerGroupServersAttribute": AlbCloud.update,
    "RemoveServersFromServerGroup": AlbCloud.remove,
}
