"""FLOW: a person takes a region out of the entrances that it stands in, for as long as they like, and back in."""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.entrances.apply import change, entrance_of, held, parked, plan_of, write
from pipeline.entrances.entrance import Entrance, Standing
from pipeline.entrances.plan import guard
from pipeline.errors import NotFound
from pipeline.ports import Ports


def park(region: str, name: str, by: str, reason: str, ports: Ports) -> Sequence[str]:
    """Names of the entrances in which it is parked now. `name` empty: everywhere that it stands. All are looked at
    before the first is changed."""
    chosen = _with(region, name, ports)
    for entrance in chosen:
        wanted = parked(_standing(entrance, region, ports), by, reason, ports)
        guard(plan_of(entrance, ports, only=frozenset({region}), changed={region: wanted}), force=False)
    for entrance in chosen:
        _change(
            entrance,
            parked(_standing(entrance, region, ports), by, reason, ports),
            f"park {region}",
            by,
            ports,
        )
    return [entrance.name for entrance in chosen]


def unpark(region: str, name: str, by: str, ports: Ports) -> Sequence[str]:
    """It serves again at once, unless its health keeps it out."""
    chosen = _with(region, name, ports)
    for entrance in chosen:
        back = replace(parked(_standing(entrance, region, ports), by, "", ports), parked=False)
        _change(entrance, back, f"unpark {region}", by, ports)
    return [entrance.name for entrance in chosen]


def _change(entrance: Entrance, standing: Standing, what: str, by: str, ports: Ports) -> None:
    with held(entrance.name, by, ports) as lease:
        only = frozenset({standing.region})
        made = plan_of(entrance, ports, only=only, changed={standing.region: standing})
        guard(made, force=False)
        begun = change(entrance, what, by, ports, only)
        ports.entrances.parked(entrance.name, [standing], begun, lease)
        write(entrance, made, lease, ports)


def _standing(entrance: Entrance, region: str, ports: Ports) -> Standing:
    return ports.entrances.standings(entrance.name).get(region, Standing(region))


def _with(region: str, name: str, ports: Ports) -> list[Entrance]:
    entrances = [entrance_of(name, ports)] if name else list(ports.settings.entrances.values())
    found = [entrance for entrance in entrances if region in entrance.regions]
    if not found:
        known = sorted({one for entrance in entrances for one in entrance.regions})
        raise NotFound(
            f"No entrance has a region {region!r}; known: {', '.join(known) or 'none'}. `shipway regions` lists them."
        )
    return found
