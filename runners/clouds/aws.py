"""Machines of AWS EC2, by boto3. It only translates.

A machine answers metadata only to who asked for a session first, and not to containers (hop limit 1). Its own shutdown
deletes it. EC2 has no release time: what nobody ends goes on.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from pipeline.errors import Rejected
from pipeline.pools.order import INSTALLATION, POOL, WISH, Instance, InstanceState, Order
from pipeline.pools.pool import Pool
from runners.aws_api import AwsApi
from runners.cloud_account import of_pool
from runners.clouds.tags import refuse_others, tags_of
from runners.patience import Patience, chunks

PAGE = 100
_REHEARSED = ": DryRunOperation: "
_STATES = {
    "pending": InstanceState.STARTING,
    "running": InstanceState.RUNNING,
    "stopping": InstanceState.STOPPED,
    "stopped": InstanceState.STOPPED,
    "shutting-down": InstanceState.ENDING,
}
_TAKEN = (
    "marked-for-termination",
    "marked-for-stop",
    "instance-terminated",
    "instance-stopped",
)  # beginnings


class AwsEc2:
    """Implements `pipeline.pools.cloud.Compute`."""

    def __init__(
        self, pool: Pool, installation: str, patience: Patience | None = None, session: Any = None
    ) -> None:
        self._pool = pool
        self._installation = installation
        self._api = AwsApi(of_pool(pool), "ec2", session=session)
        self._patience = patience or Patience(20.0)

    def launch(self, order: Order) -> str:
        values = self._values(order)
        answer = self._call("run_instances", **values)
        return str(answer["Instances"][0]["InstanceId"])

    def rehearse(self, order: Order) -> None:
        """All is looked at but the making; a good order is refused too, with a code of its own."""
        values = self._values(order) | {"DryRun": True}
        del values["ClientToken"]
        try:
            self._call("run_instances", **values)
        except Rejected as error:
            if _REHEARSED not in str(error):
                raise

    def instances(self) -> Sequence[Instance]:
        rows = list(
            self._rows(
                {"Name": f"tag:{INSTALLATION}", "Values": [self._installation]},
                {"Name": f"tag:{POOL}", "Values": [self._pool.name]},
                {"Name": "instance-state-name", "Values": list(_STATES)},
            )
        )
        taken = self._taken(
            [row["SpotInstanceRequestId"] for row in rows if row.get("SpotInstanceRequestId")]
        )
        return [_instance(row, taken.get(row.get("SpotInstanceRequestId", ""), "")) for row in rows]

    def extend(self, instance: str, until: datetime) -> None:
        """EC2 deletes nothing by itself."""

    def terminate(self, instances: Sequence[str]) -> None:
        for some in chunks(instances, PAGE):
            rows = list(self._rows({"Name": "instance-id", "Values": some}))
            living = [row for row in rows if row["State"]["Name"] in _STATES]
            found = {row["InstanceId"]: _tags(row) for row in living}
            refuse_others(found, self._pool, self._installation)
            if found:
                self._call("terminate_instances", InstanceIds=list(found))

    def _call(self, method: str, **values: object) -> dict[str, Any]:
        return self._patience.retrying(lambda: self._api.call(method, **values))

    def _rows(self, *filters: dict[str, object]) -> Iterator[dict[str, Any]]:
        token = ""
        while True:
            more = {"NextToken": token} if token else {}
            answer = self._call("describe_instances", Filters=list(filters), MaxResults=PAGE, **more)
            for reservation in answer["Reservations"]:
                yield from reservation["Instances"]
            token = answer.get("NextToken", "")
            if not token:
                return

    def _taken(self, requests: Sequence[str]) -> dict[str, str]:
        """Spot request -> in EC2's words why its machine goes: two minutes before it does."""
        found: dict[str, str] = {}
        for some in chunks(requests, PAGE):
            asked = [{"Name": "spot-instance-request-id", "Values": some}]
            for row in self._call("describe_spot_instance_requests", Filters=asked)["SpotInstanceRequests"]:
                code = str(row.get("Status", {}).get("Code", ""))
                if code.startswith(_TAKEN):
                    found[row["SpotInstanceRequestId"]] = f"spot, {code}"
        return found

    def _values(self, order: Order) -> dict[str, object]:
        tags = [{"Key": key, "Value": value} for key, value in tags_of(order, self._installation).items()]
        spot = {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"}
        found: dict[str, object] = {
            "ClientToken": order.wish,
            "MinCount": 1,
            "MaxCount": 1,
            "InstanceType": order.type,
            "ImageId": order.image,
            "SubnetId": order.subnet,
            "SecurityGroupIds": [order.security_group] if order.security_group else [],
            "Placement": {"AvailabilityZone": order.zone} if order.zone else {},
            "InstanceMarketOptions": {"MarketType": "spot", "SpotOptions": spot} if order.spot else {},
            "IamInstanceProfile": {"Name": order.role} if order.role else {},
            "BlockDeviceMappings": self._disk(order) if order.disk else [],
            "InstanceInitiatedShutdownBehavior": "" if order.spot else "terminate",
            "MetadataOptions": {
                "HttpEndpoint": "enabled",
                "HttpTokens": "required",
                "HttpPutResponseHopLimit": 1,
            },
            "UserData": order.user_data.reveal(),  # botocore encodes it, once
            "TagSpecifications": [{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume")],
        }
        return {key: value for key, value in found.items() if value}

    def _disk(self, order: Order) -> list[dict[str, object]]:
        """Under the name that the image gives its root disk; another one would be a second disk."""
        image = self._call("describe_images", ImageIds=[order.image])["Images"][0]
        volume = {"VolumeSize": order.disk, "DeleteOnTermination": True}
        return [{"DeviceName": image["RootDeviceName"], "Ebs": volume}]


def _instance(row: dict[str, Any], taken: str) -> Instance:
    return Instance(
        str(row["InstanceId"]),
        _tags(row).get(WISH, ""),
        _STATES.get(row["State"]["Name"], InstanceState.UNKNOWN),
        str(row.get("PrivateIpAddress", "")),
        row.get("LaunchTime"),
        taken,
    )


def _tags(row: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in row.get("Tags", [])}
