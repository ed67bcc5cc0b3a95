"""FLOW: what was decided of an entrance is brought to its provider: planned, guarded, written down, written, read back.

One at a time for each entrance, under a lease. What was begun and not written, since a process died in between, is found
in the book and finished by whoever comes next.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from pipeline.entrances.entrance import Change, Entrance, Standing
from pipeline.entrances.plan import Plan, endpoints_of, guard
from pipeline.entrances.whereabouts import with_addresses
from pipeline.errors import Conflict, NotFound, Stopped
from pipeline.lease import Lease, entrance_key
from pipeline.ports import Ports

LEASE_TTL = 90.0  # seconds; more than a provider is tried for
AGAIN = 0.5  # seconds until a lease that somebody else has is asked for once more
NOBODY: frozenset[str] = frozenset()


def entrance_of(name: str, ports: Ports) -> Entrance:
    found = ports.settings.entrances.get(name)
    if found is None:
        known = ", ".join(ports.settings.entrances) or "none"
        raise NotFound(
            f"There is no entrance {name!r}. shipway.yml has: {known}. `shipway regions` lists them."
        )
    return found


def plan_of(
    entrance: Entrance,
    ports: Ports,
    adopt: bool = False,
    only: frozenset[str] = NOBODY,
    changed: Mapping[str, Standing] | None = None,
) -> Plan:
    """`changed`: standings that would be other than the book's."""
    standings = {**ports.entrances.standings(entrance.name), **(changed or {})}
    whole = with_addresses(entrance, ports)
    return ports.dns[entrance.name].plan(endpoints_of(whole, standings), adopt, only)


def apply(entrance: Entrance, by: str, force: bool, adopt: bool, ports: Ports) -> Plan:
    """The whole of the file, as far as regions are not out or parked."""
    with held(entrance.name, by, ports) as lease:
        made = plan_of(entrance, ports, adopt)
        guard(made, force)
        if made.steps:
            what = "; ".join(str(step) for step in made.steps)
            ports.entrances.begin(change(entrance, what, by, ports), lease)
            write(entrance, made, lease, ports)
    return made


def write(entrance: Entrance, made: Plan, lease: Lease, ports: Ports) -> None:
    """A plan whose beginning is in the book."""
    token = ports.dns[entrance.name].apply(made)
    if not ports.leases.extend(lease, LEASE_TTL):
        raise Stopped(f"Entrance {entrance.name}: somebody else works on it now, and goes on.")
    ports.entrances.written(entrance.name, token, lease)


def change(entrance: Entrance, what: str, by: str, ports: Ports, regions: frozenset[str] = NOBODY) -> Change:
    return Change(entrance.name, what, by, ports.clock.now(), tuple(sorted(regions)))


def settle(entrance: Entrance, ports: Ports) -> None:
    """Changes that every server of the provider answers by now."""
    for one in ports.entrances.unsettled(entrance.name):
        if ports.dns[entrance.name].settled(one.token):
            ports.entrances.settled(one, ports.clock.now())


def parked(standing: Standing, by: str, reason: str, ports: Ports) -> Standing:
    return replace(standing, parked=True, parked_by=by, parked_at=ports.clock.now(), reason=reason)


@contextmanager
def held(name: str, by: str, ports: Ports, tries: int = 20) -> Iterator[Lease]:
    """Raises `Conflict` when somebody else is at it all the time; a look takes it for some milliseconds."""
    lease = ports.leases.take(entrance_key(name), by, LEASE_TTL)
    while lease is None and tries > 1:
        ports.clock.sleep(AGAIN)
        tries -= 1
        lease = ports.leases.take(entrance_key(name), by, LEASE_TTL)
    if lease is None:
        raise Conflict(
            f"Entrance {name} is being changed by somebody else just now. Type the same again in a moment."
        )
    try:
        yield lease
    finally:
        ports.leases.give_back(lease)
