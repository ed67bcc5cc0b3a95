"""One name over several regions: whether the provider lets us in, has what is planned, and is who answers for the name; how
each region looks from outside."""

import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from pipeline.entrances.addresses import Addresses, addressed
from pipeline.entrances.book import Dns, Outside
from pipeline.entrances.entrance import Entrance, Kind, Provider, Standing, kind_of
from pipeline.entrances.plan import Plan, endpoints_of
from pipeline.settings import Server
from runners.examining.books import there
from runners.examining.finding import Finding, bad, ok, warn
from runners.own_store import store_of

Resolve = Callable[[str], frozenset[str]]


def addresses_of(name: str) -> frozenset[str]:
    """As this machine's resolver has it, or a hosts file; empty: there is none."""
    try:
        rows = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror:
        return frozenset()
    return frozenset(str(row[4][0]) for row in rows)


def look_at_entrance(
    entrance: Entrance,
    server: Server,
    providers: Mapping[str, Dns],
    addresses: Addresses,
    resolve: Resolve = addresses_of,
) -> list[Finding]:
    """Credentials, records, and what the name resolves to. Raises what the provider refuses."""
    label, standings = f"entrance {entrance.name}", _standings(entrance, server)
    whole = addressed(entrance, lambda region: addresses.of(region.load_balancer))
    made = providers[entrance.name].plan(endpoints_of(whole, standings))
    ours = sum(record.ours for record in made.records)
    told = ok(label, f"{entrance.provider} answers, records of ours for {entrance.domain}: {ours}")
    return [told, *_records(label, made), *_out(label, standings), *_name(label, entrance, made, resolve)]


def look_at_region(entrance: Entrance, region: str, outside: Outside, addresses: Addresses) -> list[Finding]:
    """As its users see it from here, and as the further places do."""
    one, rule, label = entrance.regions[region], entrance.health, f"region {region} of {entrance.name}"
    one = one if one.address else replace(one, address=addresses.of(one.load_balancer))
    why = outside.look(rule.url, one.address, rule.timeout)
    mend = f"`shipway hosts` and its load balancer; or entrances.{entrance.name}.health.url is nothing it answers"
    found = [bad(label, f"{rule.url}: {why}", mend) if why else ok(label, f"{one.address} is well from here")]
    for probe in rule.probes:
        said = outside.ask(probe, one, entrance.domain, rule.timeout)
        if said:
            mend = f"`curl -i '{probe}'`, filled in; it stands under entrances.{entrance.name}.health.probes"
            found.append(warn(label, said, mend))
    return found


def _standings(entrance: Entrance, server: Server) -> Mapping[str, Standing]:
    if not there(server):
        return {}
    store = store_of(server)
    try:
        return store.entrances.standings(entrance.name)
    finally:
        store.close()


def _records(label: str, made: Plan) -> Iterator[Finding]:
    if made.blocking:
        named = ", ".join(f"{one.kind} {one.value}" for one in made.blocking)
        mend = "`shipway regions apply --adopt` makes it Shipway's; else remove it at the provider"
        yield bad(label, f"{named} has a region's address and not our mark, so nothing may be changed", mend)
    if made.steps:
        text = f"its records are not as planned: {'; '.join(str(step) for step in made.steps)}"
        yield warn(label, text, "`shipway regions plan`, then `shipway regions apply`")
    for record in made.strangers:
        if record.share:
            text = f"{record.kind} {record.value} is not ours and is answered too"
            yield warn(label, text, "remove it at the provider, or make it a region")


def _out(label: str, standings: Mapping[str, Standing]) -> Iterator[Finding]:
    for standing in standings.values():
        if standing.parked:
            why = f" ({standing.reason})" if standing.reason else ""
            mend = f"`shipway regions unpark {standing.region}`, when that is over"
            yield warn(label, f"{standing.region} is parked by {standing.parked_by}{why}", mend)
        elif standing.out:
            mend = "`shipway regions` tells more; it comes back by itself when it is well"
            yield warn(label, f"{standing.region} is out: {standing.why or 'it looked sick'}", mend)


def _name(label: str, entrance: Entrance, made: Plan, resolve: Resolve) -> Iterator[Finding]:
    """A CDN's name resolves to the CDN, wherever that is."""
    domain, seen = entrance.domain, resolve(entrance.domain)
    if not seen:
        if any(record.ours and record.share for record in made.records):
            yield bad(label, f"{domain} does not resolve from here", _delegate(entrance))
        return
    if entrance.provider is Provider.ALIYUN_CDN:
        yield ok(label, f"{domain} resolves to {', '.join(sorted(seen))}")
        return
    serving = {address for one in made.endpoints if one.share for address in _at(one.value, resolve)}
    known = {address for one in made.endpoints for address in _at(one.value, resolve)}
    if strange := seen - known:
        text = f"{domain} resolves to {', '.join(sorted(strange))} from here, which is no region"
        yield bad(label, text, _delegate(entrance))
    elif late := seen - serving:
        text = f"{domain} still resolves to {', '.join(sorted(late))} from here, which serves nobody now"
        yield warn(
            label, text, f"type it again in {entrance.ttl} s; a resolver may keep what it heard so long"
        )
    else:
        yield ok(label, f"{domain} resolves to {', '.join(sorted(seen))}, as wanted")


def _at(value: str, resolve: Resolve) -> frozenset[str]:
    return resolve(value) if kind_of(value) is Kind.CNAME else frozenset({value})


def _delegate(entrance: Entrance) -> str:
    zone = entrance.zone if "." in entrance.zone else entrance.domain
    end = "a hosts file here may say so too"
    if entrance.provider is Provider.ALIYUN_CDN:
        return f"at who serves {entrance.domain}, make it a CNAME of the name that the CDN console shows"
    return f"`dig NS {zone}`: it must name the servers of {entrance.provider} that hold the zone; {end}"
