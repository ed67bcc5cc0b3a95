"""Machines of Aliyun ECS, by aliyun-python-sdk-ecs. It only translates.

A machine has no public address, answers metadata only to who asked for a session first (HttpTokens), and is deleted by
Aliyun itself at its release time unless that is put off.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from pipeline.errors import Rejected
from pipeline.pools.order import INSTALLATION, POOL, WISH, Instance, InstanceState, Order
from pipeline.pools.pool import Pool
from runners.aliyun_api import AliyunApi
from runners.cloud_account import of_pool
from runners.clouds.tags import refuse_others, tags_of
from runners.patience import Patience, chunks

REQUESTS = "aliyunsdkecs.request.v20140526"
PAGE = 100  # its largest
_STATES = {
    "Pending": InstanceState.STARTING,
    "Starting": InstanceState.STARTING,
    "Running": InstanceState.RUNNING,
    "Stopping": InstanceState.STOPPED,
    "Stopped": InstanceState.STOPPED,
}
_GONE = "InvalidInstanceId.NotFound"
_REHEARSED = ": DryRunOperation: "
_TAKEN = "Recycling"  # of a spot machine: released within minutes


class AliyunEcs:
    """Implements `pipeline.pools.cloud.Compute`."""

    def __init__(self, pool: Pool, installation: str, patience: Patience | None = None) -> None:
        self._pool = pool
        self._installation = installation
        self._api = AliyunApi(of_pool(pool), REQUESTS)
        self._patience = patience or Patience(20.0)

    def launch(self, order: Order) -> str:
        """With the token: without one the SDK makes two machines when an answer is lost (core 2.16, retry_condition.py)."""
        values = self._values(order)
        answer = self._patience.retrying(lambda: self._api.call("RunInstances", **values))
        return str(answer["InstanceIdSets"]["InstanceIdSet"][0])

    def rehearse(self, order: Order) -> None:
        """All is looked at but the making; a good order is refused too, with a code of its own."""
        values = self._values(order) | {"DryRun": "true"}
        del values["ClientToken"]
        try:
            self._patience.retrying(lambda: self._api.call("RunInstances", **values))
        except Rejected as error:
            if _REHEARSED not in str(error):
                raise

    def instances(self) -> Sequence[Instance]:
        tags = [{"Key": INSTALLATION, "Value": self._installation}, {"Key": POOL, "Value": self._pool.name}]
        return [_instance(row) for row in self._rows(Tags=tags)]

    def extend(self, instance: str, until: datetime) -> None:
        values = {"InstanceId": instance, "AutoReleaseTime": _time(until)}
        self._patience.retrying(lambda: self._api.call("ModifyInstanceAutoReleaseTime", **values))

    def terminate(self, instances: Sequence[str]) -> None:
        for some in chunks(instances, PAGE):
            found = {row["InstanceId"]: _tags(row) for row in self._rows(InstanceIds=json.dumps(some))}
            refuse_others(found, self._pool, self._installation)
            for instance in found:
                self._patience.retrying(lambda instance=instance: self._delete(instance))  # type: ignore[misc]

    def _delete(self, instance: str) -> None:
        try:
            self._api.call("DeleteInstance", InstanceId=instance, Force="true")
        except Rejected as error:
            if _GONE not in str(error):
                raise

    def _rows(self, **values: object) -> Iterator[dict[str, Any]]:
        token = ""
        while True:
            more = {"NextToken": token} if token else {}
            asked: dict[str, object] = {**values, "MaxResults": PAGE, **more}
            answer = self._patience.retrying(lambda asked=asked: self._api.call("DescribeInstances", **asked))  # type: ignore[misc]
            yield from answer["Instances"]["Instance"]
            token = answer.get("NextToken", "")
            if not token:
                return

    def _values(self, order: Order) -> dict[str, object]:
        tags = tags_of(order, self._installation)
        found: dict[str, object] = {
            "ClientToken": order.wish,
            "Amount": 1,
            "InstanceType": order.type,
            "ImageId": order.image,
            "VSwitchId": order.subnet,
            "SecurityGroupId": order.security_group,
            "ZoneId": order.zone,
            "InstanceName": order.name,
            "HostName": order.name,
            "InstanceChargeType": "PostPaid",  # others cannot be deleted before they were paid to the end
            "SpotStrategy": "SpotAsPriceGo" if order.spot else "",
            "RamRoleName": order.role,
            "SystemDiskSize": order.disk or "",
            "HttpEndpoint": "enabled",
            "HttpTokens": "required",
            "AutoReleaseTime": _time(order.release_at) if order.release_at else "",
            "UserData": base64.b64encode(order.user_data.reveal().encode()).decode(),
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        }
        return {key: value for key, value in found.items() if value != ""}


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _instance(row: dict[str, Any]) -> Instance:
    addresses = row.get("VpcAttributes", {}).get("PrivateIpAddress", {}).get("IpAddress", [])
    locks = row.get("OperationLocks", {}).get("LockReason", [])
    taken = any(lock.get("LockReason") == _TAKEN for lock in locks)
    return Instance(
        str(row["InstanceId"]),
        _tags(row).get(WISH, ""),
        _STATES.get(row["Status"], InstanceState.UNKNOWN),
        addresses[0] if addresses else "",
        _moment(row.get("CreationTime", "")),
        "spot, it is being recycled" if taken else "",
    )


def _moment(text: str) -> datetime | None:
    """2026-03-01T12:00Z, without seconds."""
    return datetime.fromisoformat(text) if text else None


def _tags(row: dict[str, Any]) -> dict[str, str]:
    return {tag["TagKey"]: tag.get("TagValue", "") for tag in row.get("Tags", {}).get("Tag", [])}
