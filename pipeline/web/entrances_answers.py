"""What the API answers about entrances, and what it is sent."""

from enum import StrEnum

from pipeline.web.answers import Answer, Utc
from pipeline.web.bodies import Filter, Sent


class RegionState(StrEnum):
    """`out`: taken out since it looked sick; `parked`: by a person; `idle`: its share in shipway.yml is 0."""

    SERVING = "serving"
    OUT = "out"
    PARKED = "parked"
    IDLE = "idle"


class RegionAnswer(Answer):
    """`share` is the file's. `bad` and `good`: looks in a row. `since`: of its last change; null: none yet."""

    name: str
    address: str
    line: str
    share: int
    state: RegionState
    why: str
    by: str
    bad: int
    good: int
    seen_at: Utc | None
    since: Utc | None


class EntranceChangeAnswer(Answer):
    """`settled_at`: all of the provider's servers answer so; `known_until`: the last resolver may still say the old."""

    id: int
    what: str
    by: str
    at: Utc
    settled_at: Utc | None
    known_until: Utc | None


class EntranceAnswer(Answer):
    """`changes`: the last ten, newest first."""

    name: str
    domain: str
    provider: str
    ttl: int
    regions: list[RegionAnswer]
    changes: list[EntranceChangeAnswer]


class EntrancesAnswer(Answer):
    entrances: list[EntranceAnswer]


class EntrancePlanAnswer(Answer):
    """`steps` in words, also of what is left alone; `changes`: how many there are. `refused`: why it is not applied."""

    entrance: str
    steps: list[str]
    changes: int
    refused: str


class ParkedAnswer(Answer):
    """The entrances that the region stands in."""

    entrances: list[str]


class EntrancePlanQuery(Sent):
    adopt: bool = False
    force: bool = False


class ApplyBody(Sent):
    """`adopt`: records without our mark that have a region's address become ours."""

    adopt: bool = False
    force: bool = False


class UnparkBody(Sent):
    entrance: Filter = ""


class ParkBody(UnparkBody):
    """Empty `entrance`: all that have the region."""

    reason: Filter = ""
