"""Alibaba Cloud CDN in memory, product Cdn 2018-05-10: the actions that Shipway calls. A change is done later: the domain is
`configuring` until `late` is over, answers from the old sources, and takes no other change."""

import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from tests.parts.balancers.aliyun_signature import ApiError

Values = dict[str, str]
Row = dict[str, Any]


@dataclass
class Cdn:
    domain: str
    late: float = 0.0
    version: str = "2018-05-10"
    sources: list[Row] = field(default_factory=list)
    before: list[Row] = field(default_factory=list)
    until: float = 0.0
    tags: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def shares(self, name: str) -> dict[str, float]:
        """Where it pulls from: the reserve (30) only without a first (20)."""
        with self.lock:
            served = self.sources if time.monotonic() >= self.until else self.before
            first = [row for row in served if row["Priority"] == "20"] or served
            return {row["Content"]: float(row["Weight"]) for row in first}

    def add_other(self, name: str, value: str) -> None:
        row = {
            "Content": value,
            "Type": "ipaddr",
            "Priority": "20",
            "Port": 80,
            "Weight": "10",
            "Enabled": "online",
        }
        self.sources.append(row)

    def act(self, action: str, values: Values) -> dict[str, object]:
        known = {
            "DescribeCdnDomainDetail": self._detail,
            "ModifyCdnDomain": self._modify,
            "DescribeTagResources": self._tags,
            "TagResources": self._tag,
        }
        if action not in known:
            raise ApiError(404, "InvalidAction.NotFound", "Specified api is not found.")
        if values.get("DomainName", self.domain) != self.domain:
            raise ApiError(404, "InvalidDomain.NotFound", "The domain provided does not belong to you.")
        with self.lock:
            return known[action](values)

    def _detail(self, values: Values) -> dict[str, object]:
        status = "online" if time.monotonic() >= self.until else "configuring"
        detail = {
            "DomainName": self.domain,
            "DomainStatus": status,
            "SourceModels": {"SourceModel": self.sources},
        }
        return {"GetDomainDetailModel": detail}

    def _modify(self, values: Values) -> dict[str, object]:
        if time.monotonic() < self.until:
            raise ApiError(400, "InvalidDomainStatus", "The domain is being configured.")
        sources = json.loads(values["Sources"])
        if not 1 <= len(sources) <= 20:
            raise ApiError(400, "InvalidSources.Malformed", "1 to 20 sources.")
        self.before, self.sources = self.sources, [_row(source) for source in sources]
        self.until = time.monotonic() + self.late
        return {}

    def _tags(self, values: Values) -> dict[str, object]:
        if values["ResourceType"] != "DOMAIN" or values["ResourceId.1"] != self.domain:
            return {"TagResources": []}
        tags = [{"Key": key, "Value": value} for key, value in self.tags.items()]
        return {"TagResources": [{"ResourceId": self.domain, "Tag": tags}]}

    def _tag(self, values: Values) -> dict[str, object]:
        if values["ResourceType"] != "DOMAIN" or values["ResourceId.1"] != self.domain:
            raise ApiError(400, "Resource.NotExist", "Resources does not exist.")
        self.tags[values["Tag.1.Key"]] = values["Tag.1.Value"]
        return {}


def _row(source: Row) -> Row:
    if source["type"] not in ("ipaddr", "domain", "oss") or str(source["priority"]) not in ("20", "30"):
        raise ApiError(400, "InvalidSources.Malformed", "type or priority is not known.")
    if not 1 <= int(source["weight"]) <= 100:
        raise ApiError(400, "InvalidSources.Malformed", "Weight must be between 1 and 100.")
    return {
        "Content": source["content"], "Type": source["type"], "Priority": str(source["priority"]),
        "Port": int(source["port"]), "Weight": str(source["weight"]), "Enabled": "online",
    }  # fmt: skip
