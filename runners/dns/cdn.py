"""Alibaba Cloud CDN (Cdn 2018-05-10): the regions are the sources of an accelerated domain, which pulls from them by weight.

A source's weight is 1 to 100: a region without a share is no source. Ours is a domain with the tag `shipway=<entrance>`. A
change names all sources at once and is done later; while one is on its way the domain takes no other.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.entrances.entrance import Entrance, Kind, Record, kind_of
from pipeline.entrances.plan import Step, Verb
from pipeline.errors import Unreachable
from runners.aliyun_api import AliyunApi
from runners.cloud_account import CloudAccount

HOST, VERSION = "cdn.aliyuncs.com", "2018-05-10"
TAG = "shipway"
FIRST = (
    "20"  # priority of sources that are used while any of them answers; 30: their reserve, which is not ours
)
PORT = 80
Row = dict[str, Any]


class CdnWire:
    """Implements `runners.dns.zone.Wire`."""

    def __init__(self, entrance: Entrance, account: CloudAccount) -> None:
        self._entrance = entrance
        self._api = AliyunApi(account)

    def read(self) -> Sequence[Record]:
        tagged = self._tagged()
        return [self._record(row, tagged) for row in _sources(self._detail())]

    def write(self, steps: Sequence[Step]) -> str:
        detail = self._detail()
        if detail.get("DomainStatus") == "configuring":
            raise Unreachable(
                f"Entrance {self._entrance.name}: the CDN still works on the change before this one."
            )
        if any(step.verb in (Verb.ADOPT, Verb.CREATE) for step in steps) and not self._tagged():
            self._tag()
        before = list(_sources(detail))
        after = self._after(before, steps)
        if after != before:
            sources = json.dumps([_written(row) for row in after])
            self._ask("ModifyCdnDomain", DomainName=self._entrance.domain, Sources=sources)
        return ""

    def settled(self, token: str) -> bool:
        return str(self._detail().get("DomainStatus")) == "online"

    def _after(self, before: Sequence[Row], steps: Sequence[Step]) -> list[Row]:
        """What is not stepped on stays, in its order; also what is not ours."""
        kept = {str(row["Content"]): row for row in before}
        for step in steps:
            old = kept.pop(step.record.id, None) if step.record else None
            if step.endpoint is not None and step.endpoint.share:
                port = old["Port"] if old else next((row["Port"] for row in before), PORT)
                kept[step.endpoint.value] = _source(step.endpoint.value, step.endpoint.share, port)
        return list(kept.values())

    def _record(self, row: Row, tagged: bool) -> Record:
        """Sources have no mark of their own: on our domain those with a region's address are that region's."""
        value = str(row["Content"])
        owner = next((r.name for r in self._entrance.regions.values() if r.address == value), "")
        mine = tagged and str(row.get("Priority", FIRST)) == FIRST
        return Record(value, value, int(row.get("Weight") or 1), "", 0, owner if mine else "")

    def _detail(self) -> Row:
        answer = self._ask("DescribeCdnDomainDetail", DomainName=self._entrance.domain)
        found: Row = answer["GetDomainDetailModel"]
        return found

    def _tagged(self) -> bool:
        answer = self._ask(
            "DescribeTagResources", ResourceType="DOMAIN", **{"ResourceId.1": self._entrance.domain}
        )
        tags = [tag for row in answer.get("TagResources", ()) for tag in row.get("Tag", ())]
        return any((tag.get("Key"), tag.get("Value")) == (TAG, self._entrance.name) for tag in tags)

    def _tag(self) -> None:
        names = {"ResourceId.1": self._entrance.domain, "Tag.1.Key": TAG, "Tag.1.Value": self._entrance.name}
        self._ask("TagResources", ResourceType="DOMAIN", **names)

    def _ask(self, action: str, **values: object) -> Row:
        return self._api.ask(HOST, VERSION, action, "", **values)


def _sources(detail: Row) -> Iterator[Row]:
    yield from detail.get("SourceModels", {}).get("SourceModel", ())


def _source(content: str, weight: int, port: int) -> Row:
    kind = "domain" if kind_of(content) is Kind.CNAME else "ipaddr"
    return {"Content": content, "Type": kind, "Priority": FIRST, "Port": port, "Weight": str(weight)}


def _written(row: Row) -> Row:
    """Answers and requests spell the same differently."""
    return {
        "content": row["Content"],
        "type": row["Type"],
        "priority": str(row.get("Priority", FIRST)),
        "port": int(row.get("Port", PORT)),
        "weight": str(row.get("Weight") or 1),
    }
