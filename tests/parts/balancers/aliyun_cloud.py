"""Aliyun's classic load balancers in memory, product Slb 2014-05-15: the actions that Shipway calls, as strict as the
documentation says, over a data path that carries real requests.

Error codes are Aliyun's where its documentation or other tools name them; BackendServersOverLimit and InvalidWeight are
this fake's choice (research/5-cloud.md §2.5 says what is known).
"""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from tests.parts.balancers.aliyun_signature import ApiError
from tests.parts.balancers.data_plane import Manner, Plane, Pool

VERSION = "2014-05-15"
Values = dict[str, str]
Row = dict[str, Any]
_WORDS = {"healthy": "normal", "unhealthy": "abnormal"}
SETTINGS: Row = {
    "HealthCheck": "on",
    "HealthCheckInterval": 2,
    "HealthCheckTimeout": 5,
    "HealthyThreshold": 3,
    "UnhealthyThreshold": 3,
    "RequestTimeout": 60,
    "IdleTimeout": 15,
}


@dataclass
class Listener:
    port: int
    backend_port: int
    protocol: str = "http"
    group: str = ""  # a VServerGroup; empty: the default group
    settings: Row = field(default_factory=lambda: dict(SETTINGS))


@dataclass
class Group:
    """Members by machine and port; the default group has no ports of its own (None)."""

    id: str
    balancer: str
    pool: Pool
    servers: dict[tuple[str, int | None], Row] = field(default_factory=dict)


@dataclass
class Slb:
    id: str
    default: Group
    listeners: list[Listener] = field(default_factory=list)
    address: str = "203.0.113.80"
    address_type: str = "internet"


class AliyunCloud:
    """`addresses`: where a machine (and port) really is. `stopped`: machines that are not Running. `odd`: those of whose
    health it says what nobody knows. `busy`: seconds for which a balancer takes no other change after one. `calls`:
    (action, answer), in order."""

    version = VERSION

    def __init__(self, plane: Plane, manner: Callable[[], Manner] = Manner) -> None:
        self.version = VERSION
        self.plane = plane
        self.manner = manner
        self.slbs: dict[str, Slb] = {}
        self.groups: dict[str, Group] = {}
        self.addresses: dict[tuple[str, int | None], tuple[str, int]] = {}
        self.stopped: set[str] = set()
        self.odd: set[str] = set()
        self.busy = 0.0
        self.calls: list[tuple[str, str]] = []
        self.lock = RLock()
        self._free_at: dict[str, float] = {}

    # ------------------------------------------------------------------------------------------------ what tests make

    def add_slb(self, slb: str, *listeners: Listener) -> Slb:
        made = Slb(slb, Group("", slb, self.plane.pool(slb, self.manner)), list(listeners))
        self.slbs[slb] = made
        return made

    def add_group(self, group: str, slb: str) -> Group:
        self.groups[group] = Group(group, slb, self.plane.pool(group, self.manner))
        return self.groups[group]

    # ------------------------------------------------------------------------------------------------ actions

    def act(self, action: str, values: Values) -> Row:
        with self.lock:
            if action not in ACTIONS:
                raise ApiError(404, "InvalidAction.NotFound", f"Specified api {action} is not found.")
            return ACTIONS[action](self, values)

    def describe_balancer(self, values: Values) -> Row:
        slb = self._slb(values)
        ports = [{"ListenerPort": one.port, "ListenerProtocol": one.protocol} for one in slb.listeners]
        return {
            "LoadBalancerId": slb.id,
            "LoadBalancerStatus": "active",
            "Address": slb.address,
            "AddressType": slb.address_type,
            "ListenerPortsAndProtocol": {"ListenerPortAndProtocol": ports},
            "BackendServers": _shown(slb.default),
        }

    def describe_listener(self, values: Values) -> Row:
        port = int(values["ListenerPort"])
        found = [one for one in self._slb(values).listeners if one.port == port]
        if not found or found[0].protocol.upper() not in values["Action"]:
            raise ApiError(404, "InvalidParameter", "The specified listener does not exist.")
        place = {"VServerGroupId": found[0].group} if found[0].group else {}
        return {
            "ListenerPort": port,
            "BackendServerPort": found[0].backend_port,
            **place,
            **found[0].settings,
        }

    def describe_health(self, values: Values) -> Row:
        slb = self._slb(values)
        rows = []
        for listener in slb.listeners:
            group = self.groups[listener.group] if listener.group else slb.default
            for server, port in group.servers:
                word = _WORDS.get(group.pool.state(_key(server, port)), "unavailable")
                word = "enchanted" if server in self.odd else word
                rows.append(
                    {"ServerId": server, "Port": port or listener.backend_port, "ServerHealthStatus": word,
                     "ListenerPort": listener.port, "Protocol": listener.protocol}
                )  # fmt: skip
        return {"BackendServers": {"BackendServer": rows}}

    def describe_group(self, values: Values) -> Row:
        group = self._group(values)
        return {"VServerGroupId": group.id, "LoadBalancerId": group.balancer, "BackendServers": _shown(group)}

    def add(self, values: Values) -> Row:
        group = self._target(values)
        rows = _servers(values, bool(group.id))
        for row in rows:
            if row["ServerId"] in self.stopped:
                raise ApiError(400, "IncorrectInstanceStatus", "The instance is not Running.")
        self._begin(group)
        for row in rows:
            place = (row["ServerId"], row["Port"])
            if place not in group.servers:
                group.servers[place] = row
                group.pool.add(_key(*place), self._address(place), row["Weight"])
        return {"BackendServers": _shown(group)}

    def set(self, values: Values) -> Row:
        group = self._target(values)
        rows = self._known(group, values)
        self._begin(group)
        for row in rows:
            place = (row["ServerId"], row["Port"])
            group.servers[place] = row
            group.pool.weigh(_key(*place), row["Weight"])
        return {"BackendServers": _shown(group)}

    def remove(self, values: Values) -> Row:
        """Requests under way are cut, as reports of the real one say."""
        group = self._target(values)
        rows = _servers(values, bool(group.id))
        self._begin(group)
        for row in rows:
            place = (row["ServerId"], row["Port"])
            if group.servers.pop(place, None):
                group.pool.drop(_key(*place))
        return {"BackendServers": _shown(group)}

    # ------------------------------------------------------------------------------------------------ what they share

    def _slb(self, values: Values) -> Slb:
        if values.get("LoadBalancerId") not in self.slbs:
            raise ApiError(
                404, "InvalidLoadBalancerId.NotFound", "The specified LoadBalancerId does not exist."
            )
        return self.slbs[values["LoadBalancerId"]]

    def _group(self, values: Values) -> Group:
        if values.get("VServerGroupId") not in self.groups:
            raise ApiError(
                404, "InvalidParameter.VServerGroupId", "The specified VServerGroupId does not exist."
            )
        return self.groups[values["VServerGroupId"]]

    def _target(self, values: Values) -> Group:
        return self._group(values) if "VServerGroup" in values["Action"] else self._slb(values).default

    def _known(self, group: Group, values: Values) -> list[Row]:
        rows = _servers(values, bool(group.id))
        for row in rows:
            if (row["ServerId"], row["Port"]) not in group.servers:
                raise ApiError(400, "InvalidBackendServers.NotFound", f"{row['ServerId']} is no backend.")
        return rows

    def _begin(self, group: Group) -> None:
        """While a change is being applied, the balancer takes no other."""
        now = time.monotonic()
        if self._free_at.get(group.balancer, 0.0) > now:
            raise ApiError(400, "BackendServer.configuring", "The backend server is configuring, try again.")
        self._free_at[group.balancer] = now + self.busy

    def _address(self, place: tuple[str, int | None]) -> tuple[str, int]:
        return self.addresses.get(place) or self.addresses.get((place[0], None)) or ("127.0.0.1", 9)


def _key(server: str, port: int | None) -> str:
    return f"{server}:{port}" if port else server


def _servers(values: Values, with_ports: bool) -> list[Row]:
    try:
        rows = json.loads(values["BackendServers"])
    except ValueError:
        raise ApiError(400, "InvalidParameter", "The specified BackendServers is not valid JSON.") from None
    if not isinstance(rows, list) or not rows:
        raise ApiError(400, "MissingParameter", "BackendServers must not be empty.")
    if len(rows) > 20:
        raise ApiError(400, "BackendServersOverLimit", "At most 20 backend servers in each call.")
    return [_server(row, with_ports) for row in rows]


def _server(row: Row, with_ports: bool) -> Row:
    weight = int(row.get("Weight", 100))
    if not 0 <= weight <= 100:
        raise ApiError(400, "InvalidWeight", "The weight lies between 0 and 100.")
    if with_ports and "Port" not in row:
        raise ApiError(400, "MissingParameter", "Port")
    return {
        "ServerId": str(row["ServerId"]),
        "Port": int(row["Port"]) if with_ports else None,
        "Weight": weight,
        "Type": row.get("Type", "ecs"),
        "Description": row.get("Description", ""),
    }


def _shown(group: Group) -> Row:
    rows: Iterable[Row] = group.servers.values()
    return {
        "BackendServer": [{key: value for key, value in row.items() if value is not None} for row in rows]
    }


ACTIONS: dict[str, Callable[[AliyunCloud, Values], Row]] = {
    "DescribeLoadBalancerAttribute": AliyunCloud.describe_balancer,
    "DescribeLoadBalancerHTTPListenerAttribute": AliyunCloud.describe_listener,
    "DescribeLoadBalancerHTTPSListenerAttribute": AliyunCloud.describe_listener,
    "DescribeLoadBalancerTCPListenerAttribute": AliyunCloud.describe_listener,
    "DescribeLoadBalancerUDPListenerAttribute": AliyunCloud.describe_listener,
    "DescribeHealthStatus": AliyunCloud.describe_health,
    "DescribeVServerGroupAttribute": AliyunCloud.describe_group,
    "AddBackendServers": AliyunCloud.add,
    "SetBackendServers": AliyunCloud.set,
    "RemoveBackendServers": AliyunCloud.remove,
    "AddVServerGroupBackendServers": AliyunCloud.add,
    "SetVServerGroupAttribute": AliyunCloud.set,
    "RemoveVServerGroupBackendServers": AliyunCloud.remove,
}
