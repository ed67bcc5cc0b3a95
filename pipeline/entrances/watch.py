"""FLOW: looks at the regions of an entrance again and again; takes a sick one out and brings a well one back.

An edit of shipway.yml waits for somebody's `shipway regions apply`: only what health decided is changed here.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from pipeline.entrances.apply import NOBODY, change, held, plan_of, settle, write
from pipeline.entrances.entrance import Entrance, Sight, Standing
from pipeline.entrances.judge import Verdict, judge
from pipeline.entrances.look import look
from pipeline.entrances.plan import guard
from pipeline.errors import Conflict, ShipwayError
from pipeline.lease import Lease
from pipeline.notices.notice import Event
from pipeline.ports import Ports

log = logging.getLogger("shipway.entrances")

BY = "health"


def watch(entrance: Entrance, ports: Ports, tell_blind: Callable[[str], bool]) -> None:
    """One look. `tell_blind`: is this news?"""
    sights = look(entrance, ports)
    try:
        with held(entrance.name, BY, ports, tries=1) as lease:
            _finish(entrance, lease, ports)
            verdict = _judged(entrance, sights, lease, ports)
    except Conflict as busy:  # a person's change is under way; the next look counts again
        log.info("entrance not looked at", extra={"entrance": entrance.name, "why": str(busy)})
        return
    if tell_blind(verdict.blind) and verdict.blind:
        log.warning("regions not judged", extra={"entrance": entrance.name, "error": verdict.blind})
        ports.told.note(Event.REGIONS_BLIND, "", verdict.blind, entrance.name)
    settle(entrance, ports)


def _finish(entrance: Entrance, lease: Lease, ports: Ports) -> None:
    """What somebody began and did not write, since their process died or the provider was silent."""
    begun = ports.entrances.begun(entrance.name)
    if not begun:
        return
    regions = [one.regions for one in begun]
    only = frozenset(name for names in regions for name in names) if all(regions) else NOBODY
    made = plan_of(entrance, ports, only=only)
    facts = {"entrance": entrance.name, "does": "; ".join(one.what for one in begun)}
    try:
        guard(made, force=True)  # it was, when it began
    except Conflict as refused:
        log.warning("entrance's change is given up", extra={**facts, "error": str(refused)})
        ports.entrances.written(entrance.name, "", lease)
        return
    write(entrance, made, lease, ports)
    log.info("entrance's change is finished", extra=facts)


def _judged(entrance: Entrance, sights: Sequence[Sight], lease: Lease, ports: Ports) -> Verdict:
    standings = ports.entrances.standings(entrance.name)
    shares = {region.name: region.share for region in entrance.regions.values()}
    verdict = judge(entrance.health, standings, sights, shares, ports.clock.now())
    moved = frozenset((*verdict.went, *verdict.came))
    if not moved:
        ports.entrances.seen(entrance.name, verdict.standings, None, lease)
        return verdict
    fresh = {standing.region: standing for standing in verdict.standings}
    made = plan_of(entrance, ports, only=moved, changed=fresh)
    try:
        guard(made, force=False)
    except Conflict as refused:
        return _kept(entrance, verdict, str(refused), lease, ports)
    begun = change(entrance, _what(verdict), BY, ports, moved)
    ports.entrances.seen(entrance.name, verdict.standings, begun, lease)
    _tell(entrance, verdict, ports)  # also when the provider is silent now, and hears of it at a later look
    write(entrance, made, lease, ports)
    return verdict


def _kept(entrance: Entrance, verdict: Verdict, why: str, lease: Lease, ports: Ports) -> Verdict:
    """The counts are kept, and nobody is moved."""
    before = ports.entrances.standings(entrance.name)
    kept = []
    for standing in verdict.standings:
        was = before.get(standing.region, Standing(standing.region))
        kept.append(replace(standing, out=was.out, changed_at=was.changed_at))
    ports.entrances.seen(entrance.name, kept, None, lease)
    return Verdict(tuple(kept), blind=why)


def _what(verdict: Verdict) -> str:
    why = {standing.region: standing.why for standing in verdict.standings}
    went = [f"{name} goes out: {why[name]}" for name in verdict.went]
    return "; ".join([*went, *(f"{name} comes back" for name in verdict.came)])


def _tell(entrance: Entrance, verdict: Verdict, ports: Ports) -> None:
    why = {standing.region: standing.why for standing in verdict.standings}
    for name in verdict.went:
        log.warning("region goes out", extra={"entrance": entrance.name, "region": name, "error": why[name]})
        ports.told.note(Event.REGION_OUT, "", why[name], f"{entrance.name}/{name}")
    for name in verdict.came:
        log.info("region comes back", extra={"entrance": entrance.name, "region": name})
        ports.told.note(Event.REGION_BACK, "", "", f"{entrance.name}/{name}")


def watching(entrance: Entrance, ports: Ports) -> Callable[[], None]:
    """One look each time it is called. What goes wrong is tried again at the next one."""
    told = [""]

    def tell_blind(why: str) -> bool:
        news = bool(why) and not told[0]
        told[0] = why
        return news

    def once() -> None:
        try:
            watch(entrance, ports, tell_blind)
        except ShipwayError as error:
            log.warning(
                "entrance not looked after, trying again",
                extra={"entrance": entrance.name, "error": str(error)},
            )

    return once
