"""Amazon Route 53: weighted records of one name and type in a hosted zone. A change is one batch, all of it or nothing.

Ours are those whose SetIdentifier is our mark. Weight 0 means no answers (but everybody's, when all have it: the last
region is never taken out). Siblings must share one TTL.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.entrances.entrance import Entrance, Kind, Record
from pipeline.entrances.plan import Step, Verb
from pipeline.errors import Rejected
from runners.aws_api import AwsApi
from runners.cloud_account import CloudAccount

REGION = "us-east-1"  # what its requests are signed for: the service is global
PAGE = 100
INSYNC = "INSYNC"
_KINDS = tuple(kind.value for kind in Kind)
Row = dict[str, Any]


class Route53Wire:
    """Implements `runners.dns.zone.Wire`."""

    def __init__(self, entrance: Entrance, account: CloudAccount, session: Any = None) -> None:
        self._entrance = entrance
        self._api = AwsApi(account, "route53", REGION, session)
        self._fqdn = f"{entrance.domain}."

    def read(self) -> Sequence[Record]:
        return [record for row in self._rows() for record in self._records(row)]

    def write(self, steps: Sequence[Step]) -> str:
        rows = {str(row.get("SetIdentifier", "")): row for row in self._rows()}
        ttl, along = self._ttl(steps, rows)
        changes = [change for step in steps for change in self._changes(step, rows, ttl)]
        changes += [{"Action": "UPSERT", "ResourceRecordSet": row | {"TTL": ttl}} for row in along]
        answer = self._api.call(
            "change_resource_record_sets",
            HostedZoneId=self._entrance.zone,
            ChangeBatch={"Comment": f"shipway {self._entrance.name}", "Changes": changes},
        )
        return str(answer["ChangeInfo"]["Id"])

    def settled(self, token: str) -> bool:
        return not token or self._api.call("get_change", Id=token)["ChangeInfo"]["Status"] == INSYNC

    def _rows(self) -> Iterator[Row]:
        """Names are in order, so what comes after ours ends it."""
        start: dict[str, object] = {"StartRecordName": self._fqdn}
        while True:
            answer = self._api.call(
                "list_resource_record_sets", HostedZoneId=self._entrance.zone, MaxItems=str(PAGE), **start
            )
            for row in answer["ResourceRecordSets"]:
                if row["Name"] != self._fqdn:
                    return
                if row["Type"] in _KINDS:
                    yield row
            if not answer["IsTruncated"]:
                return
            keys = ("NextRecordName", "NextRecordType", "NextRecordIdentifier")
            start = {key.replace("Next", "Start"): answer[key] for key in keys if answer.get(key)}

    def _records(self, row: Row) -> Iterator[Record]:
        name = str(row.get("SetIdentifier", ""))
        share, ttl = int(row.get("Weight", 100)), int(row.get("TTL", 0))
        values = [str(one["Value"]).rstrip(".") for one in row.get("ResourceRecords", ())]
        values = values or [str(row.get("AliasTarget", {}).get("DNSName", "")).rstrip(".")]
        region = self._entrance.marked(name) if len(values) == 1 and "Weight" in row else ""
        for value in values:
            yield Record(name, value, share, "", ttl, region)

    def _ttl(self, steps: Sequence[Step], rows: dict[str, Row]) -> tuple[int, Sequence[Row]]:
        """The one of all siblings, and those that must follow to it: parked ones, of which the plan says nothing. While one
        that serves is not part of the change, its TTL stays."""
        stepped = {self._entrance.mark(step.region) for step in steps}
        rest = [row for name, row in rows.items() if self._entrance.marked(name) and name not in stepped]
        serving = [int(row["TTL"]) for row in rest if row["Weight"]]
        ttl = serving[0] if serving else self._entrance.ttl
        return ttl, [row for row in rest if row["TTL"] != ttl]

    def _changes(self, step: Step, rows: dict[str, Row], ttl: int) -> Iterator[Row]:
        """Another type or identifier is another record: the old one goes in the same batch."""
        new = self._set(step, ttl)
        old = rows.get(step.record.id) if step.record else None
        if old is not None and (new is None or _key(old) != _key(new)):
            if len(old.get("ResourceRecords", ())) != 1:
                raise Rejected(
                    f"Entrance {self._entrance.name}: {self._fqdn} is an alias or has several values in one record, "
                    "which Shipway does not look after. Make it one plain record for each region first, in the console."
                )
            yield {"Action": "DELETE", "ResourceRecordSet": old}
        if new is not None:
            yield {"Action": "UPSERT", "ResourceRecordSet": new}

    def _set(self, step: Step, ttl: int) -> Row | None:
        if step.endpoint is None:
            return None
        parked = step.verb is Verb.PARK and step.record is not None
        value = step.record.value if parked and step.record else step.endpoint.value
        return {
            "Name": self._fqdn,
            "Type": (step.record.kind if parked and step.record else step.endpoint.kind).value,
            "SetIdentifier": self._entrance.mark(step.region),
            "Weight": step.endpoint.share,
            "TTL": ttl,
            "ResourceRecords": [{"Value": value}],
        }


def _key(row: Row) -> tuple[object, object]:
    return row["Type"], row.get("SetIdentifier")
