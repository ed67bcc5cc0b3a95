"""Alibaba Cloud DNS (Alidns 2015-01-09), by its own SDK: records of one name, weighted where weighting is switched on.

Weights are 1 to 100; there is no 0: a region without a share has its record disabled (SetDomainRecordStatus), and keeps its
weight. Ours are those whose Remark is our mark. Each call changes one record; their order is the plan's.
"""

from collections.abc import Sequence
from typing import Any

from pipeline.entrances.entrance import Endpoint, Entrance, Record
from pipeline.entrances.plan import Step, Verb
from pipeline.errors import Unreachable
from runners.aliyun_api import AliyunApi
from runners.cloud_account import CloudAccount

PACKAGE = "aliyunsdkalidns.request.v20150109"
HOST = "alidns.aliyuncs.com"
DEFAULT = "default"  # the line of everybody
PAGE = 500  # the API's limit
SUBDOMAINS = 100
UNWEIGHTED = (
    -1
)  # the share of an enabled record while weighting is off: as much as each other, so never what is wanted
Row = dict[str, Any]


class AlidnsWire:
    """Implements `runners.dns.zone.Wire`."""

    def __init__(self, entrance: Entrance, account: CloudAccount) -> None:
        self._entrance = entrance
        self._api = AliyunApi(account, PACKAGE, HOST)
        self._sub = entrance.domain.removesuffix(entrance.zone).rstrip(".") or "@"
        self._name = f"{self._sub}.{entrance.zone}"  # @.example.com: the API's way to write the domain itself

    def read(self) -> Sequence[Record]:
        weighted = self._weighted()
        return [self._record(row, weighted) for row in self._rows()]

    def write(self, steps: Sequence[Step]) -> str:
        weighted = self._weighted()
        made = [(step, self._brought(step)) for step in steps]
        for step, record in made:
            if step.endpoint is not None and step.endpoint.share and record:
                self._weigh(step.endpoint, record, weighted)
        return ""

    def settled(self, token: str) -> bool:
        """It tells of no propagation; what was read back is on its servers within a second or two."""
        return True

    # ------------------------------------------------------------------------------------------------ one record

    def _brought(self, step: Step) -> str:
        """Everything but the weight, which not before others of the line are there can be told. The record's id."""
        if step.record is None:
            return self._made(step)
        record = step.record
        if step.endpoint is None:
            self._api.call("DeleteDomainRecord", RecordId=record.id)
            return ""
        if step.verb is Verb.PARK:
            self._api.call("SetDomainRecordStatus", RecordId=record.id, Status="Disable")
            return ""
        if step.verb is Verb.ADOPT:
            self._mark(record.id, step.region)
        self._update(record, step.endpoint)
        self._enable(record, step.endpoint.share > 0)
        return record.id

    def _made(self, step: Step) -> str:
        if step.endpoint is None:
            return ""
        answer = self._api.call(
            "AddDomainRecord", DomainName=self._entrance.zone, **self._content(step.endpoint)
        )
        self._mark(str(answer["RecordId"]), step.region)
        return str(answer["RecordId"])

    def _mark(self, record: str, region: str) -> None:
        self._api.call("UpdateDomainRecordRemark", RecordId=record, Remark=self._entrance.mark(region))

    def _update(self, record: Record, endpoint: Endpoint) -> None:
        """One that changes nothing is refused as a duplicate."""
        if (record.value, record.line, record.ttl) != (endpoint.value, endpoint.line, self._entrance.ttl):
            self._api.call("UpdateDomainRecord", RecordId=record.id, **self._content(endpoint))

    def _enable(self, record: Record, serves: bool) -> None:
        if serves and record.share == 0:
            self._api.call("SetDomainRecordStatus", RecordId=record.id, Status="Enable")
        if not serves and record.share != 0:
            self._api.call("SetDomainRecordStatus", RecordId=record.id, Status="Disable")

    def _content(self, endpoint: Endpoint) -> dict[str, object]:
        return {
            "RR": self._sub,
            "Type": endpoint.kind.value,
            "Value": endpoint.value,
            "Line": endpoint.line or DEFAULT,
            "TTL": self._entrance.ttl,
        }

    # ------------------------------------------------------------------------------------------------ weights

    def _weigh(self, endpoint: Endpoint, record: str, weighted: set[tuple[str, str]]) -> None:
        place = endpoint.kind.value, endpoint.line or DEFAULT
        if place not in weighted:
            self._api.call("SetDNSSLBStatus", SubDomain=self._name, Open="true", Type=place[0], Line=place[1])
            weighted.add(place)
        self._api.call("UpdateDNSSLBWeight", RecordId=record, Weight=endpoint.share)

    def _weighted(self) -> set[tuple[str, str]]:
        """(type, line) of the name where weighting is on; an answer without lines means all of them."""
        answer = self._api.call(
            "DescribeDNSSLBSubDomains", DomainName=self._entrance.zone, Rr=self._sub, PageSize=SUBDOMAINS
        )
        found = set()
        for row in answer.get("SlbSubDomains", {}).get("SlbSubDomain", ()):
            if row.get("SubDomain") in (self._name, self._entrance.domain) and row.get("Open"):
                places = row.get("LineAlgorithms", {}).get("LineAlgorithm", ())
                open_lines = {str(place["Line"]) for place in places if place.get("Open")}
                lines = open_lines or {one.line or DEFAULT for one in self._entrance.regions.values()}
                found |= {(str(row.get("Type", "A")), line) for line in lines}
        return found

    def _rows(self) -> list[Row]:
        answer = self._api.call(
            "DescribeSubDomainRecords", SubDomain=self._name, DomainName=self._entrance.zone, PageSize=PAGE
        )
        rows: list[Row] = answer.get("DomainRecords", {}).get("Record", [])
        if int(answer.get("TotalCount", 0)) > len(rows):
            raise Unreachable(f"Entrance {self._entrance.name}: {self._name} has more than {PAGE} records.")
        return [row for row in rows if row["Type"] in ("A", "AAAA", "CNAME")]

    def _record(self, row: Row, weighted: set[tuple[str, str]]) -> Record:
        line = str(row.get("Line", DEFAULT))
        enabled = str(row.get("Status", "")).upper() == "ENABLE"
        weight = int(row.get("Weight") or 1) if (str(row["Type"]), line) in weighted else UNWEIGHTED
        return Record(
            str(row["RecordId"]),
            str(row["Value"]).rstrip("."),
            weight if enabled else 0,
            "" if line == DEFAULT else line,
            int(row.get("TTL", 0)),
            self._entrance.marked(str(row.get("Remark") or "")),
        )
