"""What callers may send: the models of bodies and queries. Unknown fields are refused by name."""

import re
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from pipeline.delivery.run import RunStatus
from pipeline.intake.inbox import Outcome
from pipeline.stored_secret import Use
from pipeline.web.auth import Role

LARGEST_ID = 2**31 - 1  # what an integer column holds on every database

Word = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
Name = Annotated[
    str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
]
Filter = Annotated[str, StringConstraints(max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]
Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]
Cursor = Annotated[int, Field(ge=0, le=LARGEST_ID, description="The `next` of the page before.")]
Limit = Annotated[int, Field(ge=1, le=200)]
Place = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$")
]
DIGESTED = r"^[^\s@]+@sha256:[0-9a-f]{64}$"


def _digested(image: str) -> str:
    if not re.fullmatch(DIGESTED, image):
        raise ValueError("an image is named by its digest, as repository@sha256:…; a tag alone is not enough")
    return image


Digested = Annotated[
    str,
    StringConstraints(max_length=512),
    AfterValidator(_digested),
    Field(json_schema_extra={"pattern": DIGESTED}),
]


class Sent(BaseModel):
    """Strict: no field more, no text where a number belongs."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


# ------------------------------------------------------------------------------------------------ bodies


class NothingBody(Sent):
    """No body, or `{}`."""


Override = Annotated[
    bool, Field(description="Also outside of windows and during freezes; takes the role admin.")
]


Reason = Annotated[
    Filter | None, Field(description="Why it is overridden, for people who ask. Only with `override`.")
]


def _reasonable(override: bool, reason: str | None) -> None:
    if reason and not override:
        raise ValueError("'reason' tells why windows and freezes are overridden: send it with 'override'")


class OverrideBody(Sent):
    override: Override = False
    reason: Reason = None

    @model_validator(mode="after")
    def _reason_of_an_override(self) -> "OverrideBody":
        _reasonable(self.override, self.reason)
        return self


class FreezeBody(Sent):
    environment: Word
    until: Annotated[Word, Field(description="18:00, 2h, 3d or 2026-12-24T18:00; in `server.timezone`.")]
    service: Annotated[Filter, Field(description="Empty: all that have the environment.")] = ""
    since: Annotated[Filter, Field(description="Written like `until`. Empty: now.")] = ""
    why: Annotated[Filter, Field(description="For people who wait.")] = ""


class RunBody(Sent):
    ref: Annotated[Word, Field(description="A branch, a tag or a commit, as the repository has it now.")]

    @model_validator(mode="after")
    def _no_option(self) -> "RunBody":
        if self.ref.startswith("-"):
            raise ValueError("a ref does not begin with '-'")
        return self


class DeploymentBody(Sent):
    """Exactly one of release, image and from."""

    release: Annotated[Id | None, Field(description="The number of a release of this service.")] = None
    image: Annotated[
        Digested | None,
        Field(description="An image by digest, whoever built it: repository@sha256:…"),
    ] = None
    origin: Annotated[
        Word | None, Field(alias="from", description="An environment: what is live there, the very image.")
    ] = None
    override: Override = False
    reason: Reason = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "DeploymentBody":
        _reasonable(self.override, self.reason)
        if sum(given is not None for given in (self.release, self.image, self.origin)) != 1:
            raise ValueError("send one of 'release', 'image' and 'from', and no more")
        return self


class RollbackBody(Sent):
    release: Annotated[
        Id | None, Field(description="None: the last good release before the one that is live.")
    ] = None


class ScaleBody(Sent):
    replicas: Annotated[int, Field(ge=1, le=100, description="On each host.")]


class DrainBody(Sent):
    reason: Annotated[Filter, Field(description="For people who ask why.")] = ""
    force: Annotated[
        bool, Field(description="Also below the fewest hosts of an environment; never to none.")
    ] = False


class MoveBody(Sent):
    origin: Annotated[Word, Field(alias="from", description="The host that it leaves.")]
    target: Annotated[Word, Field(alias="to", description="The host that it comes to.")]
    environment: Annotated[Filter, Field(description="Empty: every one that runs there.")] = ""


class TokenBody(Sent):
    name: Name
    role: Annotated[Role, Field(strict=False)]
    scopes: Annotated[list[Place], Field(max_length=50)] = []


class SecretBody(Sent):
    """The value is written and never answered."""

    name: Annotated[
        str,
        StringConstraints(max_length=100, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"),
        Field(description="Of the variable."),
    ]
    value: Annotated[SecretStr, Field(min_length=1, max_length=65536)]
    service: Annotated[Filter, Field(description="Empty: all.")] = ""
    environment: Annotated[Filter, Field(description="Empty: all.")] = ""
    stage: Annotated[Use, Field(strict=False)] = Use.RUN


class PruneBody(Sent):
    """No default: what removes things is said out loud."""

    dry_run: Annotated[bool, Field(description="Only say what would go.")]


# ------------------------------------------------------------------------------------------------ queries


class Page(Sent):
    limit: Limit = 50
    cursor: Cursor = 0


class RunsQuery(Page):
    service: Filter = ""
    environment: Filter = ""
    status: Annotated[RunStatus | None, Field(strict=False)] = None


class DeliveriesQuery(Page):
    service: Filter = ""
    forge: Annotated[Filter, Field(description="Its name, or `sweep` for looks at repositories.")] = ""
    outcome: Annotated[Outcome | None, Field(strict=False)] = None
    q: Annotated[
        Filter, Field(description="Part of a forge's id, event, project, reason, ref, commit or author.")
    ] = ""
    before: Annotated[Cursor, Field(description="Only deliveries with a smaller id.")] = 0


class DeploymentsQuery(Page):
    service: Filter = ""
    environment: Filter = ""


class ReleasesQuery(Page):
    service: Word


class SecretQuery(Sent):
    service: Annotated[Filter, Field(description="Empty: the one of all services.")] = ""
    environment: Annotated[Filter, Field(description="Empty: the one of all environments.")] = ""
    stage: Annotated[Use, Field(strict=False)] = Use.RUN


class PlanQuery(Sent):
    service: Word
    environment: Word
    release: Annotated[
        Id | None, Field(description="Null: the newest release that was made for this environment.")
    ] = None


class OverviewQuery(Sent):
    service: Annotated[Filter, Field(description="Empty: all.")] = ""
    look: Annotated[bool, Field(description="1: every engine is asked too how many replicas run.")] = False


class LogQuery(Sent):
    follow: Annotated[bool, Field(description="1: server-sent events until the run is over.")] = False
    offset: Annotated[int, Field(ge=0, le=2**62, description="Begin at this byte of the log.")] = 0


class EventsQuery(Sent):
    follow: bool = False
    after: Annotated[int, Field(ge=0, le=2**62, description="Only events with a larger id.")] = 0
