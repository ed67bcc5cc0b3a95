"""Ports of the entrances: the book of regions, the providers, and the look from outside. The contract of `pipeline.ports`
holds here too."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from pipeline.entrances.entrance import Change, Endpoint, Region, Standing
from pipeline.entrances.plan import Plan
from pipeline.errors import Conflict, NotFound
from pipeline.lease import Lease


class Entrances(Protocol):
    """What is remembered of regions, so that a scheduler that starts anew forgets nothing. Writes raise `Stopped` under
    an old fence."""

    def standings(self, entrance: str) -> Mapping[str, Standing]:
        """By region; one that was never looked at is not in it."""

    def seen(self, entrance: str, standings: Sequence[Standing], change: Change | None, lease: Lease) -> None:
        """What health says of them; parking is left as it is. With a change, its beginning in the same transaction."""

    def parked(self, entrance: str, standings: Sequence[Standing], change: Change, lease: Lease) -> None:
        """What a person says of them, and the beginning of the change that follows, likewise."""

    def begin(self, change: Change, lease: Lease) -> None:
        """That it will be written; the provider is not told yet."""

    def begun(self, entrance: str) -> Sequence[Change]:
        """Those that the provider was not told of yet, as far as we know."""

    def written(self, entrance: str, token: str, lease: Lease) -> None:
        """The provider has been told of all that was begun. `token`: as `Change` has it."""

    def unsettled(self, entrance: str) -> Sequence[Change]:
        """Written, and not answered everywhere yet as far as we know."""

    def settled(self, change: Change, at: datetime) -> None: ...

    def changes(self, entrance: str, limit: int = 10) -> Sequence[Change]:
        """Newest first."""


class NoEntrances:
    """The book of tests that have none."""

    def standings(self, entrance: str) -> Mapping[str, Standing]:
        return {}

    def seen(self, entrance: str, standings: Sequence[Standing], change: Change | None, lease: Lease) -> None:
        """There are none."""

    def parked(self, entrance: str, standings: Sequence[Standing], change: Change, lease: Lease) -> None:
        raise NotFound("This Shipway keeps no entrances.")

    def begin(self, change: Change, lease: Lease) -> None:
        raise Conflict("This Shipway keeps no entrances.")

    def begun(self, entrance: str) -> Sequence[Change]:
        return ()

    def written(self, entrance: str, token: str, lease: Lease) -> None:
        """There are none."""

    def unsettled(self, entrance: str) -> Sequence[Change]:
        return ()

    def settled(self, change: Change, at: datetime) -> None:
        """There are none."""

    def changes(self, entrance: str, limit: int = 10) -> Sequence[Change]:
        return ()


class Dns(Protocol):
    """One entrance at its provider. It only translates; what may be changed when is decided above.

    Every change is read, compared, written and read back. Throttling, 5xx and lost answers are tried again for a bounded
    time, then `Unreachable`; what the provider refuses for good is `Rejected`. A share of 0 means no answers, whatever
    the provider makes of a weight of 0."""

    def plan(
        self, endpoints: Sequence[Endpoint], adopt: bool = False, only: frozenset[str] = frozenset()
    ) -> Plan:
        """What must be changed now. Changes nothing."""

    def apply(self, made: Plan) -> str:
        """Token of the change, empty where the provider has none. What is so already is not written again. Raises
        `Conflict` when somebody changed records since the plan was made."""

    def settled(self, token: str) -> bool:
        """Do all of the provider's servers answer so?"""


class Outside(Protocol):
    """Looks at a region as its users would."""

    def look(self, url: str, address: str, timeout: float) -> str:
        """Asks `url` of this address alone, whatever the name in it resolves to. What is wrong; empty: it answered below
        400. Never raises."""

    def ask(self, probe: str, region: Region, domain: str, timeout: float) -> str:
        """The same of a further probe, which asks the region itself and answers 200 when that is well."""


class NobodyOutside:
    """Of tests that have none."""

    def look(self, url: str, address: str, timeout: float) -> str:
        return "nobody looks from outside here"

    def ask(self, probe: str, region: Region, domain: str, timeout: float) -> str:
        return "nobody looks from outside here"
