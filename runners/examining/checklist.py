"""Port `Checks`: one host, looked at from here and, for the registry, through its own engine. Changes nothing there."""

from collections.abc import Sequence

import docker
from docker.errors import APIError

from pipeline.errors import ShipwayError
from pipeline.fleet.check import THINGS, Check, CheckState
from pipeline.fleet.host import Host, RegistryAccess
from runners.engine_errors import speaking, words
from runners.engines.look import facts
from runners.examining.finding import size
from runners.examining.machine import LITTLE, MUCH_SKEW, NONE_LEFT
from runners.reach import QUICK, Reach
from runners.registries import auth_config
from runners.registries.distribution import NOBODY

ABSENT = ("manifest unknown", "not found", "name unknown")  # the registry answered; there is no such image


class HostChecks:
    """Implements `pipeline.fleet.check.Checks`."""

    def __init__(self, reach: Reach, access: RegistryAccess) -> None:
        self._reach = reach
        self._access = access

    def of(self, host: Host) -> Sequence[Check]:
        try:
            client = self._reach.client(host, QUICK)
            with speaking(host, "ask how it is"):
                version, seen = client.version(), facts(client, self._reach.lines, host)
            registry = _registry(client, self._access)
        except ShipwayError as error:
            return _away(str(error))
        return (
            Check("reachable", CheckState.OK, f"{host.engine} answers"),
            Check("engine", CheckState.OK, f"Docker {version['Version']}, API {version['ApiVersion']}"),
            _disk(host, seen.free_bytes),
            _clock(seen.clock_skew),
            registry,
        )


def _away(why: str) -> Sequence[Check]:
    mend = "look whether it runs, and at `journalctl -u docker` (or -u shipway-agent) there"
    others = (Check(name, CheckState.NONE, "not asked: the host does not answer") for name in THINGS[1:5])
    return (Check("reachable", CheckState.BAD, why, mend), *others)


def _disk(host: Host, free: int | None) -> Check:
    if free is None:
        return Check("disk", CheckState.NONE, "its free space is known once something of ours runs there")
    mend = f"`shipway prune`, or a larger disk for {host.name}"
    if free < NONE_LEFT:
        return Check("disk", CheckState.BAD, f"only {size(free)} free, nothing fits any more", mend)
    if free < LITTLE:
        return Check("disk", CheckState.WARN, f"only {size(free)} free; images will soon not fit", mend)
    return Check("disk", CheckState.OK, f"{size(free)} free")


def _clock(skew: float | None) -> Check:
    if skew is None:
        return Check("clock", CheckState.NONE, "the engine does not say what time it is")
    if abs(skew) > MUCH_SKEW:
        return Check(
            "clock", CheckState.WARN, f"{skew:+.0f} s off ours", "`timedatectl set-ntp true` there, and here"
        )
    return Check("clock", CheckState.OK, "as ours")


def _registry(client: docker.APIClient, access: RegistryAccess) -> Check:
    """The engine itself asks for an image that nobody has: `no such image` is the answer of a registry that works."""
    image, name = f"{access.repository('shipway-check')}@{NOBODY}", "registry"
    try:
        client.inspect_distribution(image, auth_config=auth_config(access))  # type: ignore[no-untyped-call]
    except APIError as error:
        text = words(error)
        if any(mark in text.lower() for mark in ABSENT):
            return Check(name, CheckState.OK, f"{access.address} answers there")
        mend = f"let it reach {access.address}, trust its certificate, or correct registry.auth"
        return Check(name, CheckState.BAD, f"{access.address} does not serve it: {text}", mend)
    except (OSError, ShipwayError) as error:
        return Check(name, CheckState.BAD, f"no answer about {access.address}: {error}", "type it again")
    return Check(name, CheckState.OK, f"{access.address} answers there")
