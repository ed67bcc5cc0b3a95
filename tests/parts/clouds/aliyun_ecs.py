"""Aliyun ECS in memory, product Ecs 2014-05-26: the actions that Shipway calls, as strict as the documentation says.

It keeps tokens (the same order is answered with the same machine, another one is refused), limits user data, pages its lists
a few at a time, filters by tags, and deletes a running machine only by force.
"""

import base64
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any

from tests.parts.balancers.aliyun_signature import ApiError

Values = dict[str, str]
Row = dict[str, Any]
UNSIGNED = ("SignatureNonce", "Timestamp", "Signature")  # another one at each try
NEEDED = ("RegionId", "ImageId", "InstanceType", "SecurityGroupId", "VSwitchId")


@dataclass
class EcsCloud:
    """`quota`: machines at most. `recycled`: spot machines that are about to be taken away. `calls`: (action, answer)."""

    version = "2014-05-26"
    quota: int = 50
    page: int = 5  # rows at most, whatever is asked for: a list may always go on
    images: set[str] = field(default_factory=lambda: {"m-docker"})
    machines: dict[str, Row] = field(default_factory=dict)
    tokens: dict[str, tuple[str, Row]] = field(default_factory=dict)
    recycled: set[str] = field(default_factory=set)
    calls: list[tuple[str, str]] = field(default_factory=list)
    lock: RLock = field(default_factory=RLock)

    def act(self, action: str, values: Values) -> Row:
        with self.lock:
            if action not in ACTIONS:
                raise ApiError(404, "InvalidAction.NotFound", f"Specified api {action} is not found.")
            return ACTIONS[action](self, values)

    def run(self, values: Values) -> Row:
        order = json.dumps({key: value for key, value in sorted(values.items()) if key not in UNSIGNED})
        token = values.get("ClientToken", "")
        if token in self.tokens:
            said, answer = self.tokens[token]
            if said != order:
                raise ApiError(
                    400, "IdempotentParameterMismatch", "The request uses a token of another order."
                )
            return answer
        self._check(values)
        if values.get("DryRun") == "true":
            raise ApiError(412, "DryRunOperation", "Request validation has been passed with DryRun flag set.")
        made = [self._made(values) for _ in range(int(values.get("Amount", "1")))]
        answer = {"InstanceIdSets": {"InstanceIdSet": made}}
        if token:
            self.tokens[token] = (order, answer)
        return answer

    def describe(self, values: Values) -> Row:
        named = json.loads(values["InstanceIds"]) if values.get("InstanceIds") else list(self.machines)
        if len(named) > 100:
            raise ApiError(400, "InvalidInstanceIds.Malformed", "At most 100 instance ids.")
        wanted = dict(_tags(values)).items()
        found = [self.machines[one] for one in named if one in self.machines]
        found = [row for row in found if wanted <= row["tags"].items()]
        most, begin = min(self.page, int(values.get("MaxResults", "10"))), int(values.get("NextToken") or 0)
        more = str(begin + most) if begin + most < len(found) else ""
        rows = [self._shown(row) for row in found[begin : begin + most]]
        return {"Instances": {"Instance": rows}, "NextToken": more, "TotalCount": len(found)}

    def put_off(self, values: Values) -> Row:
        self._known(values)["release"] = _release(values["AutoReleaseTime"])
        return {}

    def delete(self, values: Values) -> Row:
        row = self._known(values)
        if row["status"] != "Stopped" and values.get("Force") != "true":
            raise ApiError(
                403, "IncorrectInstanceStatus", "The current status does not support this operation."
            )
        del self.machines[row["id"]]
        return {}

    def _check(self, values: Values) -> None:
        for key in NEEDED:
            if not values.get(key):
                raise ApiError(400, f"MissingParameter.{key}", f"{key} is mandatory for this action.")
        if values["ImageId"] not in self.images:
            raise ApiError(404, "InvalidImageId.NotFound", "The specified ImageId does not exist.")
        if len(self.machines) >= self.quota:
            raise ApiError(403, "QuotaExceed.ElasticQuota", "The number of vCPUs exceeds the quota.")
        try:
            raw = base64.b64decode(values.get("UserData", ""), validate=True)
        except ValueError:
            raise ApiError(400, "InvalidUserData.Base64FormatInvalid", "UserData must be base64.") from None
        if len(raw) > 32768:
            raise ApiError(400, "InvalidUserData.SizeExceeded", "UserData exceeds 32 KB.")
        if values.get("AutoReleaseTime"):
            _release(values["AutoReleaseTime"])

    def _made(self, values: Values) -> str:
        name = f"i-bp{uuid.uuid4().hex[:18]}"
        release = values.get("AutoReleaseTime")
        self.machines[name] = {
            "id": name,
            "status": "Running",
            "address": f"172.16.0.{len(self.machines) + 10}",
            "created": datetime.now(UTC),
            "tags": dict(_tags(values)),
            "release": _release(release) if release else None,
            "order": values,
        }
        return name

    def _known(self, values: Values) -> Row:
        if values["InstanceId"] not in self.machines:
            raise ApiError(404, "InvalidInstanceId.NotFound", "The specified InstanceId does not exist.")
        found: Row = self.machines[values["InstanceId"]]
        return found

    def _shown(self, row: Row) -> Row:
        locks = [{"LockReason": "Recycling"}] if row["id"] in self.recycled else []
        return {
            "InstanceId": row["id"],
            "Status": row["status"],
            "CreationTime": row["created"].strftime("%Y-%m-%dT%H:%MZ"),
            "VpcAttributes": {"PrivateIpAddress": {"IpAddress": [row["address"]]}},
            "OperationLocks": {"LockReason": locks},
            "Tags": {"Tag": [{"TagKey": key, "TagValue": value} for key, value in row["tags"].items()]},
        }


def _tags(values: Values) -> Iterator[tuple[str, str]]:
    for number in range(1, 21):
        if f"Tag.{number}.Key" in values:
            yield values[f"Tag.{number}.Key"], values.get(f"Tag.{number}.Value", "")


def _release(text: str) -> datetime:
    found = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    if found < datetime.now(UTC) + timedelta(minutes=30):
        raise ApiError(400, "InvalidAutoReleaseTime.Malformed", "It must be at least 30 minutes ahead.")
    return found


ACTIONS: dict[str, Callable[[EcsCloud, Values], Row]] = {
    "RunInstances": EcsCloud.run,
    "DescribeInstances": EcsCloud.describe,
    "ModifyInstanceAutoReleaseTime": EcsCloud.put_off,
    "DeleteInstance": EcsCloud.delete,
}
