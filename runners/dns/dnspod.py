"""DNSPod (Tencent Cloud API 3.0, 2021-03-23): records of one name, by plain HTTPS requests that we sign.

A weight of 0 switches weighting off, which is a full share: it is never sent. A region without a share has its record
disabled (ModifyRecordStatus). ModifyRecord replaces all of a record, so all of it is always sent. Ours are those whose
Remark is our mark.
"""

from collections.abc import Sequence
from typing import Any

from pipeline.entrances.entrance import Endpoint, Entrance, Record
from pipeline.entrances.plan import Step, Verb
from pipeline.errors import Unreachable
from runners.cloud_account import CloudAccount
from runners.tencent_api import TencentApi

SERVICE, VERSION = "dnspod", "2021-03-23"
HOST = "dnspod.tencentcloudapi.com"
DEFAULT = "默认"  # the line of everybody
PAGE = 3000  # the API's limit
UNWEIGHTED = -1  # an enabled record without a weight: never what is wanted
ENABLE, DISABLE = "ENABLE", "DISABLE"
Row = dict[str, Any]


class DnspodWire:
    """Implements `runners.dns.zone.Wire`."""

    def __init__(self, entrance: Entrance, account: CloudAccount) -> None:
        self._entrance = entrance
        self._api = TencentApi(account, SERVICE, VERSION, HOST)
        self._sub = entrance.domain.removesuffix(entrance.zone).rstrip(".") or "@"

    def read(self) -> Sequence[Record]:
        answer = self._call("DescribeRecordList", Subdomain=self._sub, Limit=PAGE, ErrorOnEmpty="no")
        rows = [row for row in answer.get("RecordList", ()) if row["Name"] == self._sub]
        if int(answer.get("RecordCountInfo", {}).get("TotalCount", 0)) > PAGE:
            raise Unreachable(f"Entrance {self._entrance.name}: {self._sub} has more than {PAGE} records.")
        return [self._record(row) for row in rows if row["Type"] in ("A", "AAAA", "CNAME")]

    def write(self, steps: Sequence[Step]) -> str:
        for step in steps:
            self._write(step)
        return ""

    def settled(self, token: str) -> bool:
        """It tells of no propagation; what was read back is on its servers within seconds."""
        return True

    def _write(self, step: Step) -> None:
        record, endpoint = step.record, step.endpoint
        if record is None and endpoint is not None:
            self._call("CreateRecord", **self._content(step.region, endpoint))
        elif record is not None and endpoint is None:
            self._call("DeleteRecord", RecordId=int(record.id))
        elif record is not None and (step.verb is Verb.PARK or (endpoint and not endpoint.share)):
            self._park(step.region, record, step.verb)
        elif record is not None and endpoint is not None:
            self._call("ModifyRecord", RecordId=int(record.id), **self._content(step.region, endpoint))

    def _park(self, region: str, record: Record, verb: Verb) -> None:
        self._call("ModifyRecordStatus", RecordId=int(record.id), Status=DISABLE)
        if verb is Verb.ADOPT:
            mark = self._entrance.mark(region)
            self._call("ModifyRecordRemark", RecordId=int(record.id), Remark=mark)

    def _content(self, region: str, endpoint: Endpoint) -> dict[str, object]:
        """Of one that serves: its weight is at least 1."""
        return {
            "SubDomain": self._sub,
            "RecordType": endpoint.kind.value,
            "RecordLine": endpoint.line or DEFAULT,
            "Value": endpoint.value,
            "Weight": endpoint.share,
            "TTL": self._entrance.ttl,
            "Status": ENABLE,
            "Remark": self._entrance.mark(region),
        }

    def _call(self, action: str, **values: object) -> Row:
        return self._api.call(action, Domain=self._entrance.zone, **values)

    def _record(self, row: Row) -> Record:
        line = str(row.get("Line", DEFAULT))
        share = int(row.get("Weight") or UNWEIGHTED) if row.get("Status") == ENABLE else 0
        return Record(
            str(row["RecordId"]),
            str(row["Value"]).rstrip("."),
            share,
            "" if line == DEFAULT else line,
            int(row.get("TTL", 0)),
            self._entrance.marked(str(row.get("Remark") or "")),
        )
