"""Adapters with a seeded fault each: wrong ways to park a region."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from pipeline.entrances.plan import Step, Verb
from runners.dns.alidns import AlidnsWire
from runners.dns.cdn import CdnWire
from runners.dns.dnspod import DnspodWire
from runners.dns.route53 import Route53Wire
from tests.parts.dns.grounds import REGIONS


class ByWeight0(DnspodWire):
    """Takes a weight of 0 for no answers."""

    def _write(self, step: Step) -> None:
        if step.verb is Verb.PARK and step.record and step.endpoint:
            content = self._content(step.region, step.endpoint) | {"Weight": 0}
            self._call("ModifyRecord", RecordId=int(step.record.id), **content)
        else:
            super()._write(step)


class ByWeight1(AlidnsWire):
    """Takes the least weight for no answers."""

    def _brought(self, step: Step) -> str:
        if step.verb is Verb.PARK and step.record:
            self._api.call("UpdateDNSSLBWeight", RecordId=step.record.id, Weight=1)
            return ""
        return super()._brought(step)


class ToAll(Route53Wire):
    """Parks all of them at once: with weight 0 everywhere Route 53 answers with each."""

    def write(self, steps: Sequence[Step]) -> str:
        parked = [step for step in steps if step.verb is Verb.PARK and step.endpoint]
        others = [
            replace(
                step,
                region=name,
                record=None,
                endpoint=replace(step.endpoint, region=name, value=REGIONS[name]),
            )
            for step in parked
            for name in REGIONS
            if step.endpoint
        ]
        return super().write([*steps, *others])


class Kept(CdnWire):
    """Leaves a source without a share in with the least weight."""

    def _after(self, before: Sequence[dict[str, object]], steps: Sequence[Step]) -> list[dict[str, object]]:
        parked = {step.record.id for step in steps if step.verb is Verb.PARK and step.record}
        if not parked:
            return super()._after(before, steps)
        return [row | {"Weight": "1"} if row["Content"] in parked else row for row in before]


MUTANTS: dict[str, tuple[str, Callable[..., object]]] = {
    "dnspod parks by weight 0": ("dnspod", ByWeight0),
    "alidns parks by weight 1": ("alidns", ByWeight1),
    "route53 parks every sibling": ("route53", ToAll),
    "cdn keeps the source": ("aliyun-cdn", Kept),
}
