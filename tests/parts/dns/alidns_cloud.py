"""Alibaba Cloud DNS in memory, product Alidns 2015-01-09: the actions that Shipway calls, as strict as its documentation says.

Error codes are Aliyun's where its documentation or terraform-provider-alicloud name them.
"""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.parts.balancers.aliyun_signature import ApiError

Values = dict[str, str]
Row = dict[str, Any]
REMARK = re.compile(r"[\w.,，。-]{0,50}")
LINES = ("default", "telecom", "unicom", "oversea")


@dataclass
class Alidns:
    """`weighted`: (RR, type, line) where weighting is on."""

    domain: str
    version: str = "2015-01-09"
    rows: dict[str, Row] = field(default_factory=dict)
    weighted: set[tuple[str, str, str]] = field(default_factory=set)
    calls: list[tuple[str, str]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    number: int = 0

    def shares(self, name: str) -> dict[str, float]:
        """As the name servers draw: disabled ones never; without weighting each as often as the others."""
        rr = name.removesuffix(self.domain).rstrip(".") or "@"
        with self.lock:
            rows = [row for row in self.rows.values() if row["RR"] == rr and row["Line"] == "default"]
            return {row["Value"]: self._share(row) for row in rows}

    def _share(self, row: Row) -> float:
        if row["Status"] != "ENABLE":
            return 0.0
        return float(row["Weight"]) if (row["RR"], row["Type"], row["Line"]) in self.weighted else 1.0

    def add_other(self, name: str, value: str) -> None:
        rr = name.removesuffix(self.domain).rstrip(".") or "@"
        self._new({"RR": rr, "Type": "A", "Value": value, "Line": "default", "TTL": "600"})

    def act(self, action: str, values: Values) -> dict[str, object]:
        known: dict[str, Callable[[Values], dict[str, object]]] = {
            "DescribeSubDomainRecords": self._list,
            "DescribeDNSSLBSubDomains": self._list_weighted,
            "AddDomainRecord": self._add,
            "UpdateDomainRecord": self._update,
            "UpdateDomainRecordRemark": self._remark,
            "SetDomainRecordStatus": self._status,
            "SetDNSSLBStatus": self._weighting,
            "UpdateDNSSLBWeight": self._weigh,
            "DeleteDomainRecord": self._delete,
        }
        if action not in known:
            raise ApiError(404, "InvalidAction.NotFound", "Specified api is not found.")
        with self.lock:
            return known[action](values)

    def _list(self, values: Values) -> dict[str, object]:
        rows = [
            dict(row) for row in self.rows.values() if f"{row['RR']}.{self.domain}" == values["SubDomain"]
        ]
        return {"TotalCount": len(rows), "PageNumber": 1, "PageSize": 500, "DomainRecords": {"Record": rows}}

    def _list_weighted(self, values: Values) -> dict[str, object]:
        self._check_domain(values)
        found: dict[tuple[str, str], list[str]] = {}
        for rr, kind, line in sorted(self.weighted):
            found.setdefault((rr, kind), []).append(line)
        rows = [
            {"SubDomain": f"{rr}.{self.domain}", "Type": kind, "Open": True, "RecordCount": 2,
             "LineAlgorithms": {"LineAlgorithm": [{"Line": line, "Open": True} for line in lines]}}
            for (rr, kind), lines in found.items()
        ]  # fmt: skip
        return {"TotalCount": len(rows), "SlbSubDomains": {"SlbSubDomain": rows}}

    def _add(self, values: Values) -> dict[str, object]:
        self._check_domain(values)
        return {"RecordId": self._new(values)}

    def _new(self, values: Values) -> str:
        self._check_content(values)
        self.number += 1
        record = f"{900000000000 + self.number}"
        self.rows[record] = {
            **_content(values), "RecordId": record, "DomainName": self.domain, "Status": "ENABLE", "Weight": 1,
            "Locked": False,
        }  # fmt: skip
        return record

    def _update(self, values: Values) -> dict[str, object]:
        row = self._row(values)
        self._check_content(values)
        row |= _content(values)
        return {"RecordId": row["RecordId"]}

    def _remark(self, values: Values) -> dict[str, object]:
        if not REMARK.fullmatch(values.get("Remark", "")):
            raise ApiError(400, "DomainRecord.Remark", "50 characters long; numbers, letters and _ - , .")
        self._row(values)["Remark"] = values.get("Remark", "")
        return {}

    def _status(self, values: Values) -> dict[str, object]:
        row = self._row(values)
        if values["Status"].upper() not in ("ENABLE", "DISABLE"):
            raise ApiError(400, "InvalidStatus", "Status must be Enable or Disable.")
        row["Status"] = values["Status"].upper()
        return {"RecordId": row["RecordId"], "Status": values["Status"]}

    def _weighting(self, values: Values) -> dict[str, object]:
        rr = values["SubDomain"].removesuffix(f".{self.domain}")
        place = rr, values.get("Type", "A"), values.get("Line", "default")
        rows = [row for row in self.rows.values() if (row["RR"], row["Type"], row["Line"]) == place]
        if place[1] not in ("A", "AAAA") or len(rows) < 2:
            raise ApiError(400, "EnableDnsSlbFailed", "Weights need at least two A or AAAA records.")
        if values.get("Open", "true").lower() == "true":
            self.weighted.add(place)
        else:
            self.weighted.discard(place)
        return {"RecordCount": len(rows), "Open": place in self.weighted}

    def _weigh(self, values: Values) -> dict[str, object]:
        row, weight = self._row(values), int(values["Weight"])
        if not 1 <= weight <= 100:
            raise ApiError(400, "InvalidWeight", "Weight must be between 1 and 100.")
        if (row["RR"], row["Type"], row["Line"]) not in self.weighted:
            raise ApiError(400, "DisableDNSSLB", "Weighting is not on.")
        row["Weight"] = weight
        return {"RecordId": row["RecordId"], "Weight": weight}

    def _delete(self, values: Values) -> dict[str, object]:
        return {"RecordId": self.rows.pop(self._row(values)["RecordId"])["RecordId"]}

    def _row(self, values: Values) -> Row:
        found = self.rows.get(values["RecordId"])
        if found is None:
            raise ApiError(400, "DomainRecordNotBelongToUser", "The DNS record does not belong to this user.")
        return found

    def _check_domain(self, values: Values) -> None:
        if values["DomainName"] != self.domain:
            raise ApiError(400, "InvalidDomainName.NoExist", "The specified domain name does not exist.")

    def _check_content(self, values: Values) -> None:
        wanted = _content(values)
        if wanted["Line"] not in LINES:
            raise ApiError(400, "InvalidLine.NotFound", "The line is not there.")
        same = ("RR", "Type", "Value", "Line", "TTL")
        for row in self.rows.values():
            alike = all(row[key] == wanted[key] for key in same[:4])
            if alike and (row["RecordId"] != values.get("RecordId") or row["TTL"] == wanted["TTL"]):
                raise ApiError(400, "DomainRecordDuplicate", "The DNS record already exists.")


def _content(values: Values) -> Row:
    return {
        "RR": values["RR"], "Type": values["Type"], "Value": values["Value"], "Line": values.get("Line", "default"),
        "TTL": int(values.get("TTL", 600)),
    }  # fmt: skip
